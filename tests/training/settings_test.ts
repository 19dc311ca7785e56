/** Tests that invalid labels and settings are refused before a step changes anything, on both devices. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, DataError } from "../../src/errors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { crossEntropy } from "../../src/graph/ops/cross_entropy.ts";
import { adamW, clipGradients, sgd } from "../../src/training/optimizer.ts";
import { DEFAULT_RECIPE, parseRecipe } from "../../src/training/options.ts";
import { learningRate, temperature } from "../../src/training/schedules.ts";
import { Trainer, type TrainerOptions } from "../../src/training/trainer.ts";
import { interpreterDevice } from "../support/interpreter_device.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { CLASSES, SIZE, smallBatch, smallModel, weightsOf } from "./small_model.ts";

const BATCH = 4;
const WRONG_LABELS = [CLASSES, -1, 1.5, NaN, Infinity, -100];

function options(more: Partial<TrainerOptions> = {}): TrainerOptions {
  return { batch: BATCH, inputShape: [3, SIZE, SIZE], optimizer: sgd(), ...more };
}

for (const name of DEVICE_NAMES) {
  Deno.test(`Trainer.step() refuses labels and settings that make no sense, and changes nothing, on ${name}`, async () => {
    const device = await openTestDevice(name);
    const model = smallModel();
    const before = await weightsOf(model);
    const trainer = await Trainer.create(model, device, options());
    for (const label of WRONG_LABELS) {
      const { x, labels } = smallBatch("batch", BATCH);
      labels[2] = label;
      await assertRejects(
        () => trainer.step({ x, labels }, { learningRate: 0.1 }),
        DataError,
        `the label of image 2 of the batch ("labels") is ${label}, expected a class from 0 to ${CLASSES - 1}`,
      );
    }
    for (const rate of [NaN, Infinity, -0.1, 1e39]) {
      const step = () => trainer.step(smallBatch("batch", BATCH), { learningRate: rate });
      await assertRejects(step, ArgumentError, `learningRate is ${rate}, expected a finite number from 0 up`);
    }
    for (const temperature of [NaN, 0, -1]) {
      const step = () => trainer.step(smallBatch("batch", BATCH), { learningRate: 0.1, temperature });
      await assertRejects(step, ArgumentError, `temperature is ${temperature}, expected a finite number above 0`);
    }
    await trainer.sync();
    assertEquals(await weightsOf(model), before);
    assertEquals([trainer.memory.updates, trainer.memory.passes], [0, 0]);
    const { failed } = await trainer.step(smallBatch("batch", BATCH), { learningRate: 0.1 });
    assertEquals(failed, undefined);
    trainer.dispose();
    device.dispose();
  });

  Deno.test(`a graph with a cross-entropy of one's own refuses labels that are no classes on ${name}`, async () => {
    const device = await openTestDevice(name);
    const graph = new Graph();
    const [logits, truth] = [graph.input("logits", [3, CLASSES]), graph.input("truth", [3])];
    graph.output("loss", graph.apply(crossEntropy, "loss", { logits, labels: truth }, { labelSmoothing: 0.1 }));
    const executable = await device.compile(graph);
    for (const label of WRONG_LABELS) {
      const inputs = { logits: new Float32Array(3 * CLASSES), truth: Float32Array.of(0, label, 0) };
      await assertRejects(() => executable.run(inputs), DataError, `image 1 of the batch ("truth") is ${label},`);
    }
    executable.dispose();
    device.dispose();
  });
}

Deno.test("Trainer.step() in parts counts a wrong label in the whole batch, before the first part", async () => {
  const trainer = await Trainer.create(smallModel(), interpreterDevice(), options({ batch: 2, parts: true }));
  const { x, labels } = smallBatch("batch", 6);
  labels[5] = CLASSES;
  await assertRejects(() => trainer.step({ x, labels }, { learningRate: 0.1 }), DataError, "the label of image 5 ");
  assertEquals(trainer.memory.passes, 0);
});

Deno.test("Trainer.create(), optimizers and schedules refuse numbers that make no sense", async () => {
  const create = (more: Partial<TrainerOptions>, message: string) =>
    assertRejects(() => Trainer.create(smallModel(), interpreterDevice(), options(more)), ArgumentError, message);
  await create({ batch: 2.5 }, "batch is 2.5, expected a whole number from 1 up");
  await create({ inputShape: [3, NaN, 8] }, "inputShape is [3, NaN, 8]");
  await create({ seed: 2 ** 24 }, "seed is 16777216, expected a whole number from 0 to below 16777216");
  await create({ labelSmoothing: NaN }, "labelSmoothing is NaN, expected a finite number from 0 to below 1");
  await create({ clipNorm: NaN }, "clipNorm is NaN, expected a finite number above 0");
  await create({ clipNorm: -1 }, "clipNorm is -1");
  await create({ averageDecay: 1 }, "averageDecay is 1");

  const refused = (make: () => unknown, message: string) => assertThrows(make, ArgumentError, message);
  refused(() => sgd({ momentum: NaN }), "momentum is NaN");
  refused(() => sgd({ weightDecay: -1 }), "weightDecay is -1, expected a finite number from 0 up");
  refused(() => sgd({ momentum: 0, nesterov: true }), "nesterov needs a momentum above 0");
  refused(() => adamW({ betas: [0.9, 1] }), "betas[1] is 1, expected a finite number from 0 to below 1");
  refused(() => adamW({ eps: NaN }), "eps is NaN");
  refused(() => clipGradients(new Graph(), new Map(), NaN), "maxNorm is NaN");
  const position = { epoch: 0, step: 0, stepsPerEpoch: 1 };
  refused(() => learningRate({ lr: NaN, epochs: 1, decay: "none" }, position), "lr is NaN");
  refused(() => learningRate({ lr: 1, epochs: 1, decay: "schedule", milestones: [NaN] }, position), "milestones[0]");
  refused(() => temperature({ initial: NaN, epochs: 1 }, position), "initial is NaN, expected a finite number above 0");
});

Deno.test("parseRecipe() refuses numbers and words that no run was started with", () => {
  const recipe = { ...DEFAULT_RECIPE, size: 32, microBatch: 256 };
  assertEquals(parseRecipe(JSON.stringify(recipe), "state"), recipe);
  // JSON has no NaN: it is written as null, and 1e999 is read as Infinity.
  const changes: [string, string][] = [
    ['"lr":null', "null for lr"],
    ['"lr":1e999', "Infinity for lr, expected a finite number from 0 up"],
    ['"momentum":1', "1 for momentum, expected a finite number from 0 to below 1"],
    ['"dropout":-0.5', "-0.5 for dropout"],
    ['"microBatch":0', "0 for microBatch, expected a whole number from 1 up"],
    ['"microBatch":100', "its microBatch 100 does not divide 256"],
    ['"tempInit":0', "0 for tempInit"],
    ['"schedule":[1.5]', "for schedule, expected whole numbers"],
    ['"optimizer":"lion"', "for optimizer, expected sgd or adamw"],
  ];
  for (const [change, message] of changes) {
    const text = `${JSON.stringify(recipe).slice(0, -1)},${change}}`;
    assertThrows(() => parseRecipe(text, "run/last.state.safetensors"), Error, message);
  }
});
