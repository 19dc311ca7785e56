/**
 * `deno run --allow-read tests/evaluation/long_run.ts [SECONDS] [webgpu|cpu]`: looks for leaks. It evaluates the same
 * images over and over. Each round compiles and disposes the model. It reports what remains afterwards.
 */

import { openCpu } from "../../src/cpu/backend.ts";
import { tf } from "../../src/cpu/tfjs.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { measure } from "../../src/evaluation/measure.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { createModel } from "../../src/models/model/model.ts";
import { openWebGpu } from "../../src/webgpu/device.ts";
import { memoryDataset } from "../support/memory_dataset.ts";
import { randomPng } from "../support/random_inputs.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { FaultyGpu } from "../webgpu/faulty_gpu.ts";

/** Images of an evaluation. */
const IMAGES = 48;

/** What came of it. */
export interface LongRun {
  /** Evaluations. */
  readonly rounds: number;
  readonly seconds: number;
  /** Evaluations whose report or logits were others than the first one's. */
  readonly different: number;
  /** The most buffers and textures, or tensors of the CPU, that were left on the device when an evaluation had ended. */
  readonly left: number;
  /** Megabytes of the process at the end of every evaluation. */
  readonly resident: readonly number[];
}

/** Evaluates until so many seconds and so many rounds are over. */
export async function longRun(
  name: Backend["name"],
  { seconds = 0, rounds = 1 }: { seconds?: number; rounds?: number },
): Promise<LongRun> {
  const faulty = new FaultyGpu();
  const device = name === "cpu" ? await openCpu() : (await openWebGpu({ gpu: faulty.gpu }))!;
  const onDevice = () => name === "cpu" ? tf.memory().numTensors : faulty.live.size;
  const model = createModel({ arch: "od_resnet20", kernelNum: 2 });
  model.loadStateDict(randomStateDict(model.stateDictSpec()));
  const images = dataset();
  const before = onDevice(), began = performance.now(), resident: number[] = [];
  const passed = () => (performance.now() - began) / 1000;
  let first: string | undefined, different = 0, left = 0;
  while (resident.length < rounds || passed() < seconds) {
    const logits: string[] = [];
    const { predictions } = await measure(model, images, device, {
      weights: { path: "w", sha256: "ab" },
      batch: 16,
      onLogits: (row) => logits.push(row.join()),
    });
    const answer = JSON.stringify({ predictions, logits });
    first ??= answer;
    if (answer !== first) different++;
    await new Promise((resolve) => setTimeout(resolve));
    left = Math.max(left, onDevice() - before);
    resident.push(Deno.memoryUsage().rss / 1e6);
  }
  device.dispose();
  return { rounds: resident.length, seconds: passed(), different, left, resident };
}

/** Encoded images of random pixels. */
function dataset(): Dataset {
  const files = Array.from({ length: IMAGES }, (_, i) => randomPng(i));
  return memoryDataset(IMAGES, (index) => Promise.resolve(files[index].slice()));
}

if (import.meta.main) {
  const [seconds = "3600", name = "webgpu"] = Deno.args;
  const { rounds, seconds: took, different, left, resident } = await longRun(name as Backend["name"], {
    seconds: Number(seconds),
  });
  const tenth = Math.ceil(rounds / 10);
  const most = (part: readonly number[]) => `${Math.max(...part).toFixed(0)} MB`;
  console.log(
    `${name}: ${rounds} evaluations of ${IMAGES} images in ${took.toFixed(0)} s; ${different} answers differ`,
  );
  console.log(`left on the device after each: ${left}`);
  console.log(
    `the process had at most ${most(resident.slice(0, tenth))} in the first tenth of them, ` +
      `${most(resident.slice(tenth, 2 * tenth))} in the second and ${most(resident.slice(-tenth))} in the last`,
  );
  Deno.exit(different + left > 0 ? 1 : 0);
}
