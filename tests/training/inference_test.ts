/**
 * Tests that a run saves its model's inference settings: an evaluation of its files gives the figures that the run
 * measured.
 */

import { assert, assertEquals } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { measure } from "../../src/evaluation/measure.ts";
import { loadModel } from "../../src/models/load.ts";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { loadCheckpoint } from "../../src/training/checkpoint.ts";
import { finetuned } from "../../src/models/finetuned.ts";
import type { EpochMetrics } from "../../src/training/metrics.ts";
import type { Recipe } from "../../src/training/options.ts";
import { openTestDevice } from "../support/devices.ts";
import { inFolder, RECIPE, smallDataset, smallRun } from "./small_run.ts";

const THREE = ["red", "green", "blue"];

interface Case {
  readonly name: string;
  readonly model: () => Model;
  readonly recipe: Partial<Recipe>;
  /** Image size, shorter side, filter and temperature of the file. */
  readonly expected: readonly [number, number, string, number];
}

/** Of another size than the architecture's, with another normalisation and filter. */
function bicubic(): Model {
  return createModel({ arch: "mobilenetv2_050", numClasses: 5 }, {
    imageSize: 32,
    resize: 40,
    interpolation: "bicubic",
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.3, 0.4],
    classNames: ["a", "b", "c", "d", "e"],
  });
}

const CASES: readonly Case[] = [
  {
    name: "another size, in the middle of annealing, with averages",
    model: () => createModel({ arch: "od_resnet20", kernelNum: 2, numClasses: 3 }),
    recipe: { size: 9, epochs: 1, tempEpoch: 2, ema: 0.5 },
    expected: [9, 9, "bilinear", 15.5],
  },
  {
    name: "an ImageNet network at a small size",
    model: () => createModel({ arch: "mobilenetv2_050", numClasses: 3 }),
    recipe: { size: 33, epochs: 1 },
    expected: [33, 37, "bilinear", 1],
  },
  {
    name: "nothing random",
    model: () => createModel({ arch: "mobilenetv2_050", numClasses: 3 }),
    recipe: { size: 32, epochs: 1, augment: "none" },
    expected: [32, 32, "bilinear", 1],
  },
  {
    name: "weights of another size, filter and normalisation",
    model: () => finetuned(bicubic(), { numClasses: 3 }),
    recipe: { size: 32, epochs: 1 },
    expected: [32, 40, "bicubic", 1],
  },
];

for (const { name, model, recipe, expected } of CASES) {
  Deno.test(`evaluating a run's file gives its own validation: ${name}`, () =>
    inFolder(async (folder) => {
      const epochs: EpochMetrics[] = [];
      const onEpoch = (epoch: EpochMetrics) => void epochs.push(epoch);
      await smallRun(folder, { model: model(), recipe: { ...RECIPE, ...recipe }, onEpoch });
      const backend = await openTestDevice("cpu");
      for (const file of ["last", "best"]) {
        const path = `${folder}/${file}.safetensors`;
        const loaded = await loadModel(path);
        const { imageSize, resize, interpolation, temperature, classNames, source } = loaded.inference;
        assertEquals([imageSize, resize, interpolation, temperature], expected);
        assertEquals([classNames, source], [THREE, `${loaded.config.arch}'s own; training`]);
        const weights = { path, sha256: "" };
        const report = await measure(loaded, smallDataset("val", 5), backend, { weights, batch: 4 });
        assertEquals([report.loss, report.top1], [epochs[0].valLoss, epochs[0].valTop1]);
        loaded.close();
      }
    }));
}

Deno.test("a run that goes on has the configuration of the one before it; classes without images are called by their numbers", () =>
  inFolder(async (folder) => {
    const start = { model: bicubic(), recipe: { ...RECIPE, size: 24, epochs: 1 } };
    await smallRun(folder, start);
    const first = await loadCheckpoint(folder);
    assertEquals([first.model.imageSize, first.model.inference.resize], [24, 30]);
    assertEquals(first.model.classNames, [...THREE, "3", "4"]);
    assertEquals(first.model.preprocessing.mean, [0.5, 0.4, 0.3]);
    const longer = { ...first.state.recipe, epochs: 2 };
    await smallRun(folder, { model: first.model, recipe: longer, state: first.state });
    assertEquals((await loadCheckpoint(folder)).model.inference, first.model.inference);
    const { metadata, close } = await openCheckpoint(`${folder}/last.safetensors`);
    close();
    assert(!("preprocessing" in metadata));
  }));
