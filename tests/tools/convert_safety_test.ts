/**
 * Tests conversions that go wrong: killed, interrupted, on a full disk, with weights that are NaN or of another
 * network.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { StateDict } from "../../src/checkpoint/tensors/state_dict.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { createModel } from "../../src/models/model/model.ts";
import { fixture } from "../checkpoint/support.ts";
import { Random } from "../fuzz/random.ts";
import { withSmallDisk } from "../support/small_disk.ts";
import { withFolder } from "../support/folders.ts";

const TOOL = fileURLToPath(new URL("../../tools/convert.ts", import.meta.url));
const ENV = { NO_COLOR: "1" };
/** A source of 12 kB whose conversion takes 47 MB and some time. */
const SOURCE = fixture("resnet18.pth");

function command(...args: string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", TOOL, ...args];
}

async function run([program, ...args]: string[]) {
  const output = await new Deno.Command(program, { args, env: ENV, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

/** Starts a conversion and sends it a signal when it has written about as many bytes as said. */
async function interrupt(out: string, bytes: number, signal: Deno.Signal): Promise<Deno.CommandStatus> {
  const [program, ...args] = command(SOURCE, "--out", out);
  const child = new Deno.Command(program, { args, env: ENV, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const written = () => Deno.stat(`${out}.part`).then(({ size }) => size, () => -1);
  while (!ended && await written() < bytes) await new Promise((resolve) => setTimeout(resolve, 1));
  if (!ended) child.kill(signal);
  return await status;
}

Deno.test("`convert` leaves the old file or the whole new one when it is killed, and the next run cleans up", () =>
  withFolder(async (folder) => {
    const out = `${folder}/x.safetensors`;
    const whole = `${folder}/whole.safetensors`;
    assertEquals((await run(command(SOURCE, "--out", whole))).code, 0);
    const expected = await Deno.readFile(whole);
    await Deno.remove(whole);
    await Deno.writeTextFile(out, "old");
    const random = new Random("kill convert");
    let cut = 0;
    for (let kill = 0; kill < 8; kill++) {
      const { signal } = await interrupt(out, random.below(expected.length), "SIGKILL");
      const found = await Deno.readFile(out);
      if (signal === "SIGKILL" && found.length === 3) cut++;
      assert(found.length === 3 || found.every((byte, i) => byte === expected[i]), `kill ${kill}`);
      if (found.length > 3) {
        assertEquals(found.length, expected.length);
        await Deno.writeTextFile(out, "old");
      }
    }
    assert(cut >= 4, `only ${cut} of 8 kills came in time`);
    assertEquals((await run(command(SOURCE, "--out", out))).code, 0);
    assertEquals(names(folder), ["x.safetensors"]);
    assertEquals((await Deno.readFile(out)).length, expected.length);
  }));

Deno.test("`convert` removes what it has written and exits 130 when Ctrl-C interrupts it", () =>
  withFolder(async (folder) => {
    const out = `${folder}/x.safetensors`;
    assertEquals((await interrupt(out, 1_000_000, "SIGINT")).code, 130);
    assertEquals(names(folder), []);
  }));

Deno.test("`convert` says that the disk is full in one line, and leaves the old file as it was", () =>
  withFolder(async (folder) => {
    const disk = `${folder}/disk`;
    const out = `${disk}/x.safetensors`;
    await withSmallDisk(disk, 8192, async (prefix, isFull) => {
      await Deno.writeTextFile(out, "old");
      const { code, stdout, stderr } = await run([...prefix, ...command(SOURCE, "--out", out)]);
      assertEquals({ code, stdout }, { code: 1, stdout: "" });
      assertMatch(stderr, /^error: [^\n]*x\.safetensors: cannot be written, and was left as it is: [^\n]+\n$/);
      if (isFull) assertStringIncludes(stderr, "the disk is full; free some space, or write elsewhere");
      assertEquals(names(disk), ["x.safetensors"]);
      assertEquals(await Deno.readTextFile(out), "old");
    });
  }));

Deno.test("`convert` does not write through a link that lies where it writes", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/precious`, "mine");
    await Deno.symlink(`${folder}/precious`, `${folder}/x.safetensors.part`);
    assertEquals((await run(command(SOURCE, "--out", `${folder}/x.safetensors`))).code, 0);
    assertEquals(await Deno.readTextFile(`${folder}/precious`), "mine");
    assertEquals(names(folder), ["precious", "x.safetensors"]);
  }));

Deno.test("`convert` warns of weights that are NaN or infinite, by name, and writes them", () =>
  withFolder(async (folder) => {
    const model = createModel({ arch: "resnet20" });
    const values = { "fc.bias": [NaN, 1, Infinity], "bn1.weight": [-Infinity] };
    const tensors = new Map(model.stateDict());
    for (const [name, numbers] of Object.entries(values)) {
      const { dtype, shape } = tensors.get(name)!;
      const data = new Float32Array(shape[0]);
      data.set(numbers);
      tensors.set(name, { dtype, shape, read: () => Promise.resolve(new Uint8Array(data.buffer)) });
    }
    await writeSafetensors(`${folder}/nan.safetensors`, tensors, {});
    const { code, stderr } = await run(command(`${folder}/nan.safetensors`, "--out", `${folder}/x.safetensors`));
    assertEquals(code, 0);
    const lines = [
      "warning: elements of 2 tensors are NaN or infinite, and were written so:",
      "  bn1.weight: 1 of 16",
      "  fc.bias: 2 of 10",
    ];
    assertEquals(stderr.trim().split("\n"), lines);
    const { tensors: written, close } = await openCheckpoint(`${folder}/x.safetensors`);
    const bias = new Float32Array((await written.get("fc.bias")!.read()).slice().buffer);
    close();
    assertEquals([...bias.subarray(0, 3)], [NaN, 1, Infinity]);
  }));

Deno.test("`convert` says which network a checkpoint looks like when it is another's", () =>
  withFolder(async (folder) => {
    const tensor = { dtype: "F32" as const, shape: [1], read: () => Promise.resolve(new Uint8Array(4)) };
    const cases: [tensors: StateDict, args: string[], message: string][] = [
      [createModel({ arch: "resnet20" }).stateDict(), ["--arch", "resnet18"], "tensors of resnet20, not of resnet18"],
      [new Map([["features.0.weight", tensor], ["classifier.6.bias", tensor]]), [], "they look like VGG or AlexNet"],
      [new Map([["blocks.0.attn.qkv.weight", tensor]]), [], "they look like a vision transformer"],
      [new Map([["layer1.0.conv1.weight", tensor]]), [], "they look like a ResNet of another width or depth"],
      [new Map([["some.weight", tensor]]), [], "are of no known architecture; convert takes --arch"],
    ];
    for (const [tensors, args, message] of cases) {
      await writeSafetensors(`${folder}/other.safetensors`, tensors, {});
      const { code, stderr } = await run(command(`${folder}/other.safetensors`, ...args));
      assertEquals(code, 1);
      assertStringIncludes(stderr, message);
    }
  }));

Deno.test("`convert` prints no control characters that a file holds", () =>
  withFolder(async (folder) => {
    const tensor = { dtype: "F32" as const, shape: [1], read: () => Promise.resolve(new Uint8Array(4)) };
    await writeSafetensors(`${folder}/x.safetensors`, new Map([["a\x1b]0;title\x07\x9b2J.weight", tensor]]), {});
    const { code, stderr } = await run(command(`${folder}/x.safetensors`));
    assertEquals(code, 1);
    assertStringIncludes(stderr, "a\ufffd]0;title\ufffd\ufffd2J.weight");
  }));
