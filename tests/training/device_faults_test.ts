/** Tests training on devices that are lost or too small. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DeviceError } from "../../src/errors.ts";
import { openWebGpu } from "../../src/webgpu/device.ts";
import { command } from "../../tools/train.ts";
import { uniform } from "../support/random_weights.ts";
import { runHere } from "../support/run_here.ts";
import { encodePng } from "../support/write_png.ts";
import { type Faults, FaultyGpu } from "../webgpu/faulty_gpu.ts";
import { inFolder, RECIPE, smallRun } from "./small_run.ts";

/**
 * The small run, of two epochs of three steps, on a device with faults: the files that it leaves, without times, the steps
 * that it went back to, and the calls of the device that were made when a step was done.
 */
async function train(faults: Faults) {
  const faulty = new FaultyGpu(faults);
  const device = (await openWebGpu({ gpu: faulty.gpu }))!;
  const files: Record<string, string> = {};
  const lost: number[] = [], calls: number[] = [];
  await inFolder(async (folder) => {
    await smallRun(folder, {
      device,
      recipe: { ...RECIPE, ema: 0.9, dropout: 0.2, clipNorm: 1 },
      onStep: () => calls.push(faulty.calls),
      onLost: (step) => lost.push(step),
    }).finally(() => device.dispose());
    for await (const { name } of Deno.readDir(folder)) {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      files[name] = name.endsWith(".jsonl")
        ? new TextDecoder().decode(bytes).replaceAll(/"seconds":[\d.e-]+/g, "")
        : bytes.toBase64();
    }
  });
  return { faulty, files, lost, calls };
}

const whole = await train({});

Deno.test("runTraining() goes back to its last state when the device is lost in a step, and ends with the files of a run on one that was not", async () => {
  assertEquals([whole.lost, whole.calls.length], [[], 6]);
  // Weights are read back where an epoch ends and before its last step, which takes fewer images and another graph.
  for (const [step, state] of [[1, 0], [2, 2], [4, 3], [5, 5]]) {
    const { faulty, files, lost } = await train({ destroyAt: [whole.calls[step]] });
    assertEquals([faulty.devices, lost], [2, [state]], `lost in step ${step}`);
    assertEquals(files, whole.files, `lost in step ${step}`);
  }
});

Deno.test("runTraining() begins anew what it compiles when the device is lost meanwhile, and goes back no step", async () => {
  const [, before, after] = whole.calls;
  const { faulty, files, lost } = await train({ destroyAt: [1, before + Math.floor((after - before) / 2)] });
  assertEquals([faulty.devices, lost], [3, []]);
  assertEquals(files, whole.files);
});

Deno.test("runTraining() gives up, naming the loss, when no device lasts to the next state", async () => {
  const error = await assertRejects(() => train({ lifetime: whole.calls[1] }), DeviceError, "was lost");
  assertEquals(error.reason, "lost");
});

Deno.test("`train` says in one line how much a step takes and which part of its batch fits when memory runs out", () =>
  inFolder(async (folder) => {
    for (const [set, count] of [["train", 16], ["val", 3]] as const) {
      for (let i = 0; i < count; i++) {
        const data = Uint8Array.from(uniform(`${set} ${i}`, [8 * 8 * 3], 127, 128));
        await Deno.mkdir(`${folder}/data/${set}/${i % 3}`, { recursive: true });
        await Deno.writeFile(`${folder}/data/${set}/${i % 3}/${i}.png`, encodePng({ width: 8, height: 8, data }));
      }
    }
    const attempt = async (out: string, microBatch: number, faults: Faults) => {
      const faulty = new FaultyGpu(faults);
      const what = ["--arch", "resnet20", "--size", "32", "--batch", "16", "--micro-batch", `${microBatch}`];
      const how = ["--device", "webgpu", "--workers", "1", "--epochs", "1", "--lr", "0.01"];
      const args = [...what, ...how, "--data", `${folder}/data`, "--out", `${folder}/${out}`];
      return { ...await runHere(command, faulty, args), faulty };
    };
    const half = await attempt("half", 8, {});
    const whole = await attempt("whole", 16, {});
    assertEquals([half.code, whole.code], [0, 0], half.stderr.concat(whole.stderr).join("\n"));
    const memory = Math.round((half.faulty.peakBytes + whole.faulty.peakBytes) / 2);
    assert(half.faulty.peakBytes < memory && memory < whole.faulty.peakBytes);

    const { code, stderr, faulty } = await attempt("small", 16, { memory });
    assertEquals([code, stderr.length], [1, 1], stderr.join("\n"));
    assertStringIncludes(stderr[0], "error: a step of 16 images of 32x32 needs ");
    assertStringIncludes(stderr[0], "out of memory");
    assert(stderr[0].endsWith("--micro-batch 8 fits and trains the same batch in parts"), stderr[0]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(faulty.live.size, 0);
    // What it advises is true.
    assertEquals((await attempt("advised", 8, { memory })).code, 0);
  }));
