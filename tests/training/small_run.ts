/** A training run that is small enough for tests: resnet20 on images of 8 x 8. */

import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { IMAGENET } from "../../src/data/pixels/preprocessing.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { createModel } from "../../src/models/model/model.ts";
import { loadCheckpoint } from "../../src/training/checkpoint.ts";
import { runTraining } from "../../src/training/loop.ts";
import type { RunOptions, RunOutcome } from "../../src/training/run_options.ts";
import { DEFAULT_RECIPE, type Recipe } from "../../src/training/options.ts";
import { openTestDevice } from "../support/devices.ts";
import { uniform } from "../support/random_weights.ts";

/** Side of the images. */
export const SIZE = 8;

/** Classes differ in colour. */
export function smallDataset(name: string, length: number): Dataset {
  const classes = ["red", "green", "blue"];
  return {
    name,
    classes,
    numClasses: classes.length,
    length,
    preprocessing: IMAGENET,
    item: (index) => ({ file: `${name}/${index}`, label: index % 3 }),
    load(index) {
      const noise = uniform(`${name} ${index}`, [SIZE + 2, SIZE + 2, 3], 60, 100);
      const data = Uint8Array.from(noise, (v, i) => v + (i % 3 === index % 3 ? 80 : 0));
      return Promise.resolve({ width: SIZE + 2, height: SIZE + 2, data });
    },
    close() {},
  };
}

/** Two epochs of three steps: 4, 4 and 3 images. */
export const RECIPE: Recipe = {
  ...DEFAULT_RECIPE,
  epochs: 2,
  batch: 4,
  microBatch: 4,
  lr: 0.05,
  tempEpoch: 1,
  size: SIZE,
  seed: 5,
};

/** Runs a recipe in a folder, from its beginning or, with `resume`, from where it stopped. */
export async function smallRun(
  folder: string,
  { resume = false, device, ...options }: Partial<RunOptions> & { resume?: boolean; device?: Backend } = {},
): Promise<RunOutcome> {
  const backend = device ?? await openTestDevice("cpu");
  const earlier = resume ? await loadCheckpoint(folder) : undefined;
  return await runTraining({
    model: earlier?.model ?? createModel({ arch: "resnet20", numClasses: 3 }),
    recipe: earlier?.state.recipe ?? RECIPE,
    data: "small",
    training: smallDataset("train", 11),
    validation: smallDataset("val", 5),
    backend,
    folder,
    state: earlier?.state,
    workers: 1,
    ...options,
  });
}

/** Runs a test in a folder of its own. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
