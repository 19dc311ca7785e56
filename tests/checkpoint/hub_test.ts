import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import type { HubOptions } from "../../src/checkpoint/hub/options.ts";
import { formatHubReference, parseHubReference } from "../../src/checkpoint/hub/reference.ts";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoint/open.ts";
import { CheckpointError } from "../../src/errors.ts";
import { COMMIT, type HubServer, startHub } from "./hub_server.ts";
import { fixture } from "./support.ts";

const SAFETENSORS = await Deno.readFile(fixture("bare.safetensors"));
const PTH = await Deno.readFile(fixture("training.pth.tar"));
const SHARDED = Object.fromEntries(
  await Promise.all(
    ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
      .map(async (name) => [name, await Deno.readFile(fixture(name))] as const),
  ),
);
const README = new TextEncoder().encode("# net");

/**
 * Opens a source on a server with an empty cache and reads all tensors. Returns the checkpoint's name and their number.
 */
async function tensorsOf(
  server: HubServer,
  source: string,
  { cacheDir, ...options }: HubOptions & { cacheDir?: string } = {},
): Promise<{ name: string; count: number }> {
  const folder = cacheDir ?? await Deno.makeTempDir();
  let checkpoint: Checkpoint | undefined;
  try {
    const hub = { endpoint: server.endpoint, token: "", cacheDir: folder, retryDelay: 1, ...options };
    checkpoint = await openCheckpoint(source, { hub });
    for (const tensor of checkpoint.tensors.values()) await tensor.read();
    return { name: checkpoint.name, count: checkpoint.tensors.size };
  } finally {
    checkpoint?.close();
    if (!cacheDir) await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("`parseHubReference()` takes a reference apart and `formatHubReference()` joins it", () => {
  const cases = {
    "hf:timm/resnet18.a1_in1k": { repo: "timm/resnet18.a1_in1k", revision: undefined, file: undefined },
    "hf:me/net/deep/a b.pth": { repo: "me/net", revision: undefined, file: "deep/a b.pth" },
    "hf:me/net@v1.0": { repo: "me/net", revision: "v1.0", file: undefined },
    "hf:me/net@refs%2Fpr%2F1/x.pth": { repo: "me/net", revision: "refs/pr/1", file: "x.pth" },
  };
  for (const [text, reference] of Object.entries(cases)) {
    assertEquals(parseHubReference(text), reference);
    assertEquals(formatHubReference(reference), text);
  }
  for (
    const text of [
      "hf:",
      "hf:me",
      "hf:me/",
      "hf:me/net@",
      "hf:me/../x",
      "hf:me/net/../../x",
      "hf:../net",
      "hf:a b/c",
      "hf:me/net//etc/x",
      "hf:me/net/a\\..\\x",
      "hf:me/net/C:x",
    ]
  ) {
    assertThrows(() => parseHubReference(text), CheckpointError, "expected hf:OWNER/REPO");
  }
});

Deno.test("`openCheckpoint()` finds the checkpoint of a repository, whatever its form", async () => {
  const cases: [files: Record<string, Uint8Array<ArrayBuffer>>, name: string][] = [
    [{ "README.md": README, "model.safetensors": SAFETENSORS, "x.pth": PTH }, "hf:me/net/model.safetensors"],
    [{ "README.md": README, "net.pth.tar": PTH, "deep/other.pth": PTH }, "hf:me/net/net.pth.tar"],
    [{ "README.md": README, ...SHARDED }, "hf:me/net/model.safetensors.index.json"],
  ];
  for (const [files, name] of cases) {
    using server = startHub(files);
    assertEquals(await tensorsOf(server, "hf:me/net"), { name, count: 6 });
  }
});

Deno.test("`openCheckpoint()` asks which one when a repository has several checkpoints, and says when it has none", async () => {
  {
    using server = startHub({ "a.pth": PTH, "b.pth": PTH });
    const error = await assertRejects(() => tensorsOf(server, "hf:me/net"), CheckpointError);
    assertStringIncludes(error.message, "choose one:\n  hf:me/net/a.pth\n  hf:me/net/b.pth");
    assertEquals((await tensorsOf(server, "hf:me/net/b.pth")).name, "hf:me/net/b.pth");
    await assertRejects(() => tensorsOf(server, "hf:me/net/c.pth"), CheckpointError, "the repository has no such file");
    await assertRejects(() => tensorsOf(server, "hf:me/else/c.pth"), CheckpointError, "Repository not found");
  }
  const endpoint = "no address";
  await assertRejects(
    () => openCheckpoint("hf:me/net", { hub: { endpoint, token: "" } }),
    CheckpointError,
    "not a URL",
  );
  await assertRejects(() => openCheckpoint("https://"), CheckpointError, "not a URL");
  using server = startHub({ "README.md": README });
  await assertRejects(() => tensorsOf(server, "hf:me/net"), CheckpointError, "it holds README.md");
});

Deno.test("`openCheckpoint()` takes a revision, and a cached commit without asking the hub", async () => {
  using server = startHub({ "a.pth": PTH }, { revision: "v1" });
  assertEquals((await tensorsOf(server, "hf:me/net@v1")).name, "hf:me/net@v1/a.pth");
  await assertRejects(() => tensorsOf(server, "hf:me/net"), CheckpointError);

  const cacheDir = await Deno.makeTempDir();
  const first = await tensorsOf(server, "hf:me/net@v1/a.pth", { cacheDir });
  const downloads = () => server.requests.filter((line) => line.startsWith("cdn")).length;
  const before = downloads();
  assertEquals((await tensorsOf(server, "hf:me/net@v1/a.pth", { cacheDir })).count, first.count);
  assertEquals(downloads(), before, "the second time the file comes from the cache");
  server.requests.length = 0;
  await tensorsOf(server, `hf:me/net@${COMMIT}/a.pth`, { cacheDir });
  assertEquals(server.requests, []);
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("`openCheckpoint()` sends the token to the hub and to nobody else", async () => {
  using server = startHub({ "a.pth": PTH }, { token: "secret" });
  const { count } = await tensorsOf(server, "hf:me/net", { token: "secret" });
  assertEquals(count, 6);
  const cdn = server.requests.filter((line) => line.startsWith("cdn"));
  assertEquals(cdn.length, 1);
  for (const line of cdn) assert(line.endsWith(" -"), line);
  for (const token of ["", "wrong"]) {
    const error = await assertRejects(() => tensorsOf(server, "hf:me/net", { token }), CheckpointError);
    assertStringIncludes(error.message, "set HF_TOKEN");
    assert(!error.message.includes("secret"));
  }
});

Deno.test("`openCheckpoint()` tries again when the hub is busy or the connection breaks", async () => {
  using server = startHub({ "a.pth": PTH });
  server.failures = 1;
  server.breaks = 1;
  const seen: number[] = [];
  const onProgress = (_: string, done: number) => void seen.push(done);
  assertEquals((await tensorsOf(server, "hf:me/net/a.pth", { onProgress })).count, 6);
  assertEquals(Math.max(...seen), PTH.length);
  server.failures = 9;
  await assertRejects(() => tensorsOf(server, "hf:me/net/a.pth", { retries: 1 }), CheckpointError, "503");
});
