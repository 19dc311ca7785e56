/**
 * Tests NaN and infinities in training: they pass through every layer to the loss, and the message names the layer
 * where they begin.
 */

import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../src/graph/backend.ts";
import { Graph, type Operator } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import type { Model } from "../../src/models/model/model.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import type { Module } from "../../src/nn/module.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { ReLU, ReLU6 } from "../../src/nn/activations.ts";
import { GlobalAvgPool } from "../../src/nn/stateless.ts";
import { firstNonFinite } from "../../src/training/diagnose.ts";
import { sgd } from "../../src/training/optimizer.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { CLASSES, SIZE, smallBatch, smallModel, weightsOf } from "./small_model.ts";

const ACTIVATIONS = { relu: ReLU, relu6: ReLU6 } as const;

/** Without batch norm, whose statistics would tell: nothing but the loss does. */
function network(Activation: new () => Module): Module {
  const layers = [new Conv2d(3, 4, 3, { padding: 1 }), new Activation(), new Conv2d(4, 6, 3, { groups: 2 })];
  return new Sequential(...layers, new Activation(), new GlobalAvgPool(), new Linear(6, CLASSES));
}

/** A model whose parameter of that name begins with these numbers. */
function spoilt(layers: Module, name: string, numbers: readonly number[]): Model {
  const model = smallModel(layers);
  const state = randomStateDict(model.stateDictSpec());
  const tensor = state.get(name)!;
  const read = async () => {
    const bytes = (await tensor.read()).slice();
    new Float32Array(bytes.buffer).set(numbers);
    return bytes;
  };
  model.loadStateDict(state.set(name, { ...tensor, read }));
  return model;
}

/** A step on a model: what the trainer says of it, and where it finds the first number that is none. */
async function failedStep(model: Model, backend: Backend): Promise<{ loss: number; where?: string }> {
  const options = { batch: 4, inputShape: [3, SIZE, SIZE], optimizer: sgd({ momentum: 0.9 }) };
  const before = await weightsOf(model);
  const trainer = await Trainer.create(model, backend, options);
  const { loss, failed } = await trainer.step(smallBatch("batch", 4), { learningRate: 0.1 });
  await trainer.sync();
  trainer.dispose();
  assert(failed, `a loss of ${loss} passed`);
  assertEquals(await weightsOf(model), before);
  return { loss, where: await firstNonFinite(model, backend, options, failed) };
}

for (const device of DEVICE_NAMES) {
  for (const [activation, Activation] of Object.entries(ACTIVATIONS)) {
    Deno.test(`a weight that is NaN under a ${activation} stops the step on ${device}, and is named`, async () => {
      const backend = await openTestDevice(device);
      for (const name of ["0.weight", "2.weight"]) {
        const model = spoilt(network(Activation), name, [NaN]);
        assertEquals(await failedStep(model, backend), { loss: NaN, where: `the parameter ${name}` });
      }
      backend.dispose();
    });
  }

  Deno.test(`a layer whose result is too large stops the step on ${device}, and is named`, async () => {
    const backend = await openTestDevice(device);
    const model = spoilt(network(ReLU), "2.weight", Array(36).fill(3e38));
    assertEquals((await failedStep(model, backend)).where, "the output of 2 (conv2d)");
    backend.dispose();
  });
}

/** What x86 answers where nothing else gave a NaN: its sign bit is set. */
const NEGATIVE_NAN = new Float32Array(Uint32Array.of(0xffc00000).buffer)[0];

// WebGPU's: tests/webgpu/not_a_number_test.ts, which runs in Chromium, too.
Deno.test("activations and their gradients let NaN pass on cpu, as PyTorch's do", async () => {
  const backend = await openTestDevice("cpu");
  for (const activation of Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[]) {
    const graph = new Graph();
    const [x, gradient] = ["x", "gradient"].map((name) => graph.input(name, [1, 5]));
    graph.output("y", graph.apply(OPERATORS[activation] as Operator, "y", { x }, {}));
    const rule = TRAINING_OPERATORS.elementwise_grad as Operator;
    graph.output("dx", graph.apply(rule, "dx", { y: x, gradient }, { of: activation, to: "x" }));
    const executable = await backend.compile(graph);
    const { y, dx } = await executable.run({
      x: Float32Array.of(NaN, -1, 2, NEGATIVE_NAN, 0),
      gradient: Float32Array.of(3, NaN, NaN, NaN, 4),
    });
    assertEquals([[...y], [...dx]], [[NaN, 0, 2, NaN, 0], [3, 0, NaN, NaN, 0]]);
    executable.dispose();
  }
  backend.dispose();
});
