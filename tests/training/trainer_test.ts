import { assert, assertEquals, assertRejects } from "@std/assert";
import { ShapeError } from "../../src/errors.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { adamW, sgd } from "../../src/training/optimizer.ts";
import { Trainer, type TrainerOptions, type TrainingMemory } from "../../src/training/trainer.ts";
import { relativeError } from "../support/error.ts";
import { interpreterDevice } from "../support/interpreter_device.ts";
import { SIZE, smallBatch, smallModel, smallNetwork, weightsOf } from "./small_model.ts";

const BATCH = 4;

function options(more: Partial<TrainerOptions> = {}): TrainerOptions {
  return { batch: BATCH, inputShape: [3, SIZE, SIZE], optimizer: sgd({ momentum: 0.9, weightDecay: 1e-3 }), ...more };
}

/** Trains some steps on the interpreter; returns the weights and the training memory. */
async function train(
  steps: readonly number[],
  more: Partial<TrainerOptions> = {},
  { model = smallModel(), memory, stepBatch = BATCH }: {
    model?: ReturnType<typeof smallModel>;
    memory?: TrainingMemory;
    stepBatch?: number;
  } = {},
) {
  const trainer = await Trainer.create(model, interpreterDevice(), options(more), memory);
  const losses = [];
  for (const step of steps) {
    const settings = { learningRate: 0.1, temperature: 1 + step };
    losses.push((await trainer.step(smallBatch(`batch ${step}`, stepBatch), settings)).loss);
  }
  await trainer.sync();
  trainer.dispose();
  return { losses, weights: await weightsOf(model), memory: trainer.memory, model };
}

Deno.test("Trainer lowers the loss on one batch", async () => {
  const { losses } = await train(Array(12).fill(0));
  assert(losses[11] < 0.5 * losses[0], losses.join(" "));
});

Deno.test("Trainer stopped and created again has the weights of one that never stopped", async () => {
  for (const optimizer of [sgd({ momentum: 0.9 }), adamW()]) {
    const more = { optimizer, averageDecay: 0.9, clipNorm: 1, seed: 3 };
    const network = () => smallModel(smallNetwork(true, 0.3));
    const whole = await train([0, 1, 2, 3], more, { model: network() });
    const first = await train([0, 1], more, { model: network() });
    const second = await train([2, 3], more, first);
    assertEquals([...first.losses, ...second.losses], whole.losses);
    assertEquals(second.weights, whole.weights);
    assertEquals(second.memory, whole.memory);
  }
});

Deno.test("Trainer in parts makes the step of the whole batch", async () => {
  const plain = () => smallModel(smallNetwork(false));
  const whole = await train([0, 1, 2], { batch: 6, clipNorm: 0.5 }, { model: plain(), stepBatch: 6 });
  const parts = await train([0, 1, 2], { batch: 2, clipNorm: 0.5, parts: true }, { model: plain(), stepBatch: 6 });
  assert(relativeError(Float32Array.from(parts.losses), Float32Array.from(whole.losses)) < 1e-6);
  for (const [name, values] of Object.entries(whole.weights)) {
    assert(relativeError(parts.weights[name], values) < 1e-6, name);
  }
  assertEquals([parts.memory.updates, parts.memory.passes], [3, 9]);
});

Deno.test("Trainer leaves frozen parameters and statistics alone and counts batches of the others", async () => {
  const before = await weightsOf(smallModel());
  const { weights } = await train([0, 1], {
    trainable: (name) => name.startsWith("8."),
    frozenStatistics: (path) => path !== "1",
  });
  const changed = Object.keys(weights).filter((name) => weights[name].join() !== before[name].join());
  assertEquals(changed, ["1.running_mean", "1.running_var", "1.num_batches_tracked", "8.weight", "8.bias"]);
});

Deno.test("Trainer answers the layers, parameters and gradients that are watched", async () => {
  const watch = ["2", "3", "8.weight.grad", "3.grad", "8.bias"];
  const trainer = await Trainer.create(smallModel(), interpreterDevice(), options({ watch }));
  const { outputs } = await trainer.step(smallBatch("batch", BATCH), { learningRate: 0.1 });
  assertEquals(new Set(Object.keys(outputs)), new Set(["logits", ...watch]));
  assertEquals(outputs["2"].length, BATCH * 4 * SIZE * SIZE);
  assertEquals(outputs["3.grad"].length, outputs["3"].length);
  // d loss / d weight = sum over b of (p - q) / B times the features: its columns sum to zero over the classes.
  const column = [0, 1, 2, 3, 4].reduce((sum, c) => sum + outputs["8.weight.grad"][c * 6], 0);
  assert(Math.abs(column) < 1e-6);
  await assertRejects(
    () => Trainer.create(smallModel(), interpreterDevice(), options({ watch: ["layer9"] })),
    ShapeError,
    'nothing in the graph is called "layer9"',
  );
});

Deno.test("Trainer takes a loss made of operators, with inputs of its own", async () => {
  const { sum } = TRAINING_OPERATORS;
  const loss: TrainerOptions["loss"] = (graph, logits) => {
    const weight = graph.input("weight", logits.shape);
    return graph.apply(sum, "loss", { x: graph.apply(OPERATORS.mul, "loss", { x: logits, scale: weight }, {}) }, {
      scale: 0.5,
    });
  };
  const trainer = await Trainer.create(smallModel(), interpreterDevice(), options({ loss, watch: ["8.bias.grad"] }));
  const weight = Float32Array.from({ length: BATCH * 5 }, (_, i) => i);
  const result = await trainer.step({ x: smallBatch("batch", BATCH).x, weight }, { learningRate: 0.1 });
  const expected = result.outputs.logits.reduce((total, logit, i) => total + 0.5 * logit * i, 0);
  assert(Math.abs(result.loss - expected) < 1e-5 * Math.abs(expected));
  assertEquals([...result.outputs["8.bias.grad"]], [15, 17, 19, 21, 23]);
});

Deno.test("Trainer changes nothing in a step whose loss is not finite", async () => {
  const model = smallModel();
  const before = await weightsOf(model);
  const trainer = await Trainer.create(model, interpreterDevice(), options());
  const batch = smallBatch("batch", BATCH);
  batch.x[7] = NaN;
  const { loss, failed } = await trainer.step(batch, { learningRate: 0.1 });
  await trainer.sync();
  assert(Number.isNaN(loss));
  assertEquals(failed!.x, batch.x);
  assertEquals(await weightsOf(model), before);
  assertEquals(trainer.memory.updates, 0);
});

Deno.test("Trainer refuses inputs that hold no whole number of parts", async () => {
  const trainer = await Trainer.create(smallModel(), interpreterDevice(), options());
  await assertRejects(
    () => trainer.step(smallBatch("batch", 2 * BATCH), { learningRate: 0.1 }),
    ShapeError,
    '"x" has 864 numbers, expected 432 ([4, 3, 6, 6])',
  );
});
