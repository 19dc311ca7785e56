/** Tests the programs of examples/: runs each unchanged, with the permissions that it names, on small data. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { uniform } from "./support/random_weights.ts";
import { freePort } from "./support/free_port.ts";
import { encodePng } from "./support/write_png.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WEIGHTS = "weights/od_resnet20_cifar10.safetensors";
const [FROG, SHIP] = ["web/examples/frog.png", "web/examples/ship.png"];

/** The command that an example's first comment says, with other arguments. */
async function commandOf(name: string, args: readonly string[]): Promise<Deno.Command> {
  const text = await Deno.readTextFile(`${ROOT}examples/${name}.ts`);
  const [, flags] = text.match(`deno run ([^\n]*) examples/${name}\\.ts`) ?? [];
  assert(flags, `examples/${name}.ts does not say how it is run`);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags.split(" "), `examples/${name}.ts`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await (await commandOf(name, args)).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Class folders of small random images. */
async function writeFolders(folder: string): Promise<void> {
  for (const part of ["train/dark", "train/light", "val/dark", "val/light"]) {
    await Deno.mkdir(`${folder}/${part}`, { recursive: true });
    for (const i of [0, 1]) {
      const data = Uint8Array.from(uniform(`${part} ${i}`, [32 * 32 * 3], 60, part.endsWith("dark") ? 60 : 190));
      await Deno.writeFile(`${folder}/${part}/${i}.png`, encodePng({ width: 32, height: 32, data }));
    }
  }
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "odconv_examples_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The first answer of a server that is being started. */
async function retry(ask: () => Promise<Response>): Promise<Response> {
  for (let attempts = 600;; attempts--) {
    try {
      return await ask();
    } catch (error) {
      if (attempts === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

Deno.test("examples/predict_batch.ts names what is in each image", async () => {
  assertMatch(
    await run("predict_batch", WEIGHTS, FROG, SHIP),
    /frog\.png: frog \d+\.\d %\n.*ship\.png: ship \d+\.\d %\n$/,
  );
});

Deno.test("examples/features.ts prints the means of a layer's channels", async () => {
  const [, shape, means] = (await run("features", WEIGHTS, "layer3.2", FROG)).match(/^layer3\.2 \[(.*)\] (.*)\n$/)!;
  assertEquals(shape, "1, 64, 8, 8");
  assertEquals(means.split(" ").length, 64);
  assert(means.split(" ").every((mean) => Number(mean) >= 0), "a stage ends with ReLU");
});

Deno.test("examples/finetune.ts trains a fresh classifier on class folders", () =>
  inFolder(async (folder) => {
    await writeFolders(folder);
    const printed = await run("finetune", WEIGHTS, folder, `${folder}/run`, "1");
    assertMatch(printed, /^epoch 1: loss \d\.\d{3}, top-1 \d+\.\d %\ndark, light: top-1 .*best\.safetensors\n$/);
    assertMatch(await run("predict_batch", `${folder}/run/best.safetensors`, FROG), /frog\.png: (dark|light) /);
  }));

Deno.test("examples/own_network.ts trains, saves and loads layers of its own", () =>
  inFolder(async (folder) => {
    const printed = await run("own_network", `${folder}/own.safetensors`);
    assertMatch(printed, /\n {2}\(3\): Block\(\n {4}\(conv\): ODConv2d\(\n {6}8, 8, kernel_size=\(3, 3\)/);
    assertMatch(printed, /\ncustom: dark, light\n$/);
    const losses = [...printed.matchAll(/loss (.*)/g)].map(([, loss]) => Number(loss));
    assertEquals(losses.length, 5);
    assert(losses[4] < losses[0], losses.join());
  }));

Deno.test("examples/server.ts classifies what is posted to it, and refuses what is no image", async () => {
  const port = freePort();
  const server = (await commandOf("server", [WEIGHTS, String(port)])).spawn();
  try {
    const post = (body: BodyInit) => fetch(`http://127.0.0.1:${port}`, { method: "POST", body });
    const frog = await Deno.readFile(ROOT + FROG);
    const [best] = await (await retry(() => post(frog))).json();
    assertEquals([best.class, best.name], [6, "frog"]);
    const refused = await post("no image");
    assertEquals(refused.status, 400);
    assertMatch(await refused.text(), /^the upload: not an image that is read here/);
  } finally {
    server.kill();
    await Promise.all([server.stdout.cancel(), server.stderr.cancel()]);
    await server.status;
  }
});
