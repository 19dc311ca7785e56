/** Tests downloads from a hub that fails, stalls or sends wrong data. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import type { HubOptions } from "../../src/checkpoint/hub/options.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { CheckpointError } from "../../src/errors.ts";
import { type HubServer, startHub } from "./hub_server.ts";
import { fixture } from "./support.ts";

const FILE = await Deno.readFile(fixture("training.pth.tar"));
const SHA256 = createHash("sha256").update(FILE).digest("hex");
const GIT = createHash("sha1").update(`blob ${FILE.length}\0`).update(FILE).digest("hex");
const SECRET = "hf_secret";

/** What a hub that keeps the file by Git LFS says of it. */
const lfs = (file: Record<string, unknown>) => ({ ...file, lfs: { oid: SHA256, size: FILE.length, pointerSize: 134 } });

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
  "SHA-256": lfs,
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

/** Opens the server's file with a cache that stays. */
async function openCached(server: HubServer, cacheDir: string): Promise<number> {
  const hub = { endpoint: server.endpoint, token: "", cacheDir, retryDelay: 1 };
  const checkpoint = await openCheckpoint("hf:me/net/a.pth", { hub });
  checkpoint.close();
  return checkpoint.tensors.size;
}

Deno.test("`openCheckpoint()` goes on where the connection to the hub broke, and asks for no byte twice", async () => {
  using server = startHub({ "a.pth": FILE });
  server.lie = lfs;
  server.breaks = 3;
  assertEquals((await open(server)).tensors, 6);
  assertEquals(server.sent, FILE.length);
  assertEquals(server.requests.filter((line) => line.startsWith("cdn")).length, 4);
});

Deno.test("`openCheckpoint()` goes on with what a killed program left in the cache, also where that is damaged or too long", async () => {
  for (
    const [left, sent] of [
      [FILE.slice(0, 1000), FILE.length - 1000],
      [FILE, 0],
      [new Uint8Array(1000), 2 * FILE.length - 1000],
      [new Uint8Array(FILE.length), FILE.length],
      [new Uint8Array(FILE.length + 9), FILE.length],
    ] as const
  ) {
    using server = startHub({ "a.pth": FILE });
    server.lie = lfs;
    const cacheDir = await Deno.makeTempDir();
    const blobs = `${cacheDir}/models--me--net/blobs`;
    await Deno.mkdir(blobs, { recursive: true });
    await Deno.writeFile(`${blobs}/${SHA256}.incomplete`, left);
    assertEquals(await openCached(server, cacheDir), 6);
    assertEquals(server.sent, sent);
    assertEquals([...Deno.readDirSync(blobs)].map(({ name }) => name), [SHA256]);
    await Deno.remove(cacheDir, { recursive: true });
  }
});

Deno.test("`openCheckpoint()` downloads a file once when several want it at the same time, and again when the cache's is damaged", async () => {
  using server = startHub({ "a.pth": FILE });
  server.lie = lfs;
  const cacheDir = await Deno.makeTempDir();
  const all = await Promise.all(Array.from({ length: 4 }, () => openCached(server, cacheDir)));
  assertEquals([all, server.sent], [[6, 6, 6, 6], FILE.length]);
  await Deno.writeFile(`${cacheDir}/models--me--net/blobs/${SHA256}`, new Uint8Array(FILE.length));
  assertEquals([await openCached(server, cacheDir), server.sent], [6, 2 * FILE.length]);
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("`openCheckpoint()` gives up when the hub's listing does not end or an answer is too long", async () => {
  const item = { type: "file", path: "x", size: 1, oid: "x" };
  let asked = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    asked++;
    if (url.includes("endless")) return Response.json([], { headers: { link: `<${url}>; rel="next"` } });
    return Response.json([{ ...item, path: "x".repeat(33 << 20) }]);
  });
  const hub = { endpoint: `http://127.0.0.1:${server.addr.port}`, token: "" };
  await assertRejects(
    () => openCheckpoint("hf:me/endless", { hub }),
    CheckpointError,
    "the hub's listing does not end",
  );
  assertEquals(asked, 1000);
  await assertRejects(() => openCheckpoint("hf:me/long", { hub }), CheckpointError, "bytes of what is no file");
  await server.shutdown();
});
