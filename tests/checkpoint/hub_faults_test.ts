/** A hub that fails, lies and stalls. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import type { HubOptions } from "../../src/checkpoint/hub.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { CheckpointError } from "../../src/errors.ts";
import { type HubServer, startHub } from "./hub_server.ts";
import { fixture } from "./support.ts";

const FILE = await Deno.readFile(fixture("training.pth.tar"));
const SHA256 = createHash("sha256").update(FILE).digest("hex");
const GIT = createHash("sha1").update(`blob ${FILE.length}\0`).update(FILE).digest("hex");
const SECRET = "hf_secret";

/** Opens the server's file with an empty cache; answers the number of tensors and what the cache holds afterwards. */
async function open(server: HubServer, options: HubOptions = {}): Promise<{ tensors: number; cached: string[] }> {
  const cacheDir = await Deno.makeTempDir();
  try {
    const hub = { endpoint: server.endpoint, token: SECRET, cacheDir, retryDelay: 1, ...options };
    const checkpoint = await openCheckpoint("hf:me/net/a.pth", { hub });
    checkpoint.close();
    return { tensors: checkpoint.tensors.size, cached: filesIn(cacheDir) };
  } catch (error) {
    assert(!String((error as Error).stack).includes(SECRET), "the token is in the error");
    assertEquals(filesIn(cacheDir), [], "nothing that is damaged stays in the cache");
    throw error;
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [name]
  )
    .filter((name) => !name.endsWith(".incomplete"));
}

for (const status of [429, 500, 502, 503, 504]) {
  Deno.test(`\`openCheckpoint()\` asks the hub again when it answers ${status}, and gives up after its retries`, async () => {
    using server = startHub({ "a.pth": FILE });
    Object.assign(server, { status, failures: 2 });
    assertEquals((await open(server)).tensors, 6);
    server.failures = 99;
    await assertRejects(() => open(server, { retries: 2 }), CheckpointError, String(status));
    assertEquals(server.failures, 96);
  });
}

for (const status of [401, 403, 404]) {
  Deno.test(`\`openCheckpoint()\` asks the hub once when it answers ${status}`, async () => {
    using server = startHub({ "a.pth": FILE });
    Object.assign(server, { status, failures: 99 });
    const error = await assertRejects(() => open(server), CheckpointError, String(status));
    if (status !== 404) assertStringIncludes(error.message, "set HF_TOKEN");
    assertEquals(server.failures, 98);
  });
}

const HASHES = {
  "SHA-256": (file: Record<string, unknown>) => ({
    ...file,
    lfs: { oid: SHA256, size: FILE.length, pointerSize: 134 },
  }),
  "Git hash": (file: Record<string, unknown>) => ({ ...file, oid: GIT }),
};

for (const [what, lie] of Object.entries(HASHES)) {
  Deno.test(`\`openCheckpoint()\` holds a file against its ${what}, and takes it when another attempt brings it whole`, async () => {
    using server = startHub({ "a.pth": FILE });
    server.lie = lie;
    assertEquals((await open(server)).cached.length, 2);
    const flip = (bytes: Uint8Array<ArrayBuffer>) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1] ^ 1);
    let times = 0;
    server.damage = (bytes) => times++ === 0 ? flip(bytes) : bytes;
    assertEquals((await open(server)).tensors, 6);
    assertEquals(times, 2);
    server.damage = flip;
    await assertRejects(
      () => open(server, { retries: 1 }),
      CheckpointError,
      "the file arrived damaged: it has the hash",
    );
  });
}

Deno.test("`openCheckpoint()` holds a file against its length", async () => {
  using server = startHub({ "a.pth": FILE });
  server.damage = (bytes) => bytes.slice(0, -1);
  const expected = `it has ${FILE.length - 1} bytes, ${FILE.length} expected`;
  await assertRejects(() => open(server, { retries: 0 }), CheckpointError, expected);
});

Deno.test("`openCheckpoint()` writes nothing outside of the cache when the hub's ids would lead there", async () => {
  const lies: ((file: Record<string, unknown>) => Record<string, unknown>)[] = [
    (file) => ({ ...file, oid: "../../../../escaped" }),
    (file) => ({ ...file, xetHash: "/tmp/escaped" }),
    (file) => ({ ...file, lfs: { oid: "..", size: 1 } }),
    (file) => ({ ...file, lastCommit: { id: "a/../../../escaped" } }),
    (file) => ({ ...file, oid: ["x"] }),
  ];
  for (const lie of lies) {
    using server = startHub({ "a.pth": FILE });
    server.lie = lie;
    await assertRejects(() => open(server), CheckpointError, "which is not a plain name");
    assertEquals(server.requests.filter((line) => line.startsWith("cdn")), []);
  }
});

Deno.test("`openCheckpoint()` tries again when nothing comes any more, and says so in the end", async () => {
  using server = startHub({ "a.pth": FILE });
  server.stalls = 1;
  assertEquals((await open(server, { idleTimeout: 200 })).tensors, 6);
  server.stalls = 99;
  await assertRejects(
    () => open(server, { idleTimeout: 100, retries: 1 }),
    CheckpointError,
    "nothing came for 0.1 seconds",
  );
});
