/** Tests training steps on both devices against the float64 interpreter. */

import { assert, assertEquals } from "@std/assert";
import { adamW, sgd } from "../../src/training/optimizer.ts";
import { Trainer, type TrainerOptions } from "../../src/training/trainer.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { DEVICE_NAMES, inErrorScopes, openTestDevice } from "../support/devices.ts";
import { relativeError } from "../support/error.ts";
import { interpreterDevice } from "../support/interpreter_device.ts";
import { SIZE, smallBatch, smallModel, smallNetwork, weightsOf } from "./small_model.ts";

const BATCH = 4;

/** Every kind of update. */
const RECIPES: Readonly<Record<string, Partial<TrainerOptions>>> = {
  "SGD with everything": {
    optimizer: sgd({ momentum: 0.9, weightDecay: 1e-2, nesterov: true }),
    labelSmoothing: 0.1,
    clipNorm: 0.5,
    averageDecay: 0.8,
  },
  // A large eps: gradients near zero must not decide about steps of a whole learning rate.
  "AdamW in parts": { optimizer: adamW({ weightDecay: 0.1, eps: 1e-2 }), parts: true },
};

async function train(backend: Backend, more: Partial<TrainerOptions>) {
  const model = smallModel(smallNetwork(true, 0.25));
  const options = { batch: BATCH, inputShape: [3, SIZE, SIZE], optimizer: sgd(), seed: 2, ...more };
  const trainer = await Trainer.create(model, backend, options);
  const images = more.parts ? 2 * BATCH : BATCH;
  const losses = [];
  for (const [step, temperature] of [20, 10, 1].entries()) {
    const settings = { learningRate: 0.02, temperature };
    losses.push((await trainer.step(smallBatch(`batch ${step}`, images), settings)).loss);
  }
  // A step that went wrong, and one after it.
  const broken = smallBatch("broken", images);
  broken.x.fill(Infinity, 0, 9);
  assert((await trainer.step(broken, { learningRate: 0.02 })).failed);
  losses.push((await trainer.step(smallBatch("last", images), { learningRate: 0.02 })).loss);
  await trainer.sync();
  trainer.dispose();
  return { losses, tensors: { ...await weightsOf(model), ...Object.fromEntries(trainer.memory.tensors) } };
}

for (const [name, options] of Object.entries(RECIPES)) {
  const expected = await train(interpreterDevice(), options);
  for (const device of DEVICE_NAMES) {
    Deno.test(`Trainer makes the float64 interpreter's steps on ${device}: ${name}`, async () => {
      const backend = await openTestDevice(device);
      const actual = await inErrorScopes(backend, () => train(backend, options));
      const difference = relativeError(Float32Array.from(actual.losses), Float32Array.from(expected.losses));
      assert(difference < 1e-4, `losses: ${difference}`);
      assertEquals(new Set(Object.keys(actual.tensors)), new Set(Object.keys(expected.tensors)));
      for (const [tensor, values] of Object.entries(expected.tensors)) {
        const error = relativeError(actual.tensors[tensor], values);
        assert(error < 2e-3, `${tensor}: relative error ${error}`);
      }
      backend.dispose();
    });
  }
}

Deno.test("Trainer stopped and created again on WebGPU has bit for bit the weights of one that never stopped", async () => {
  const backend = await openTestDevice("webgpu");
  const steps = async (trainer: Trainer, numbers: readonly number[]) => {
    for (const step of numbers) await trainer.step(smallBatch(`batch ${step}`, BATCH), { learningRate: 0.05 });
    await trainer.sync();
    trainer.dispose();
    return trainer;
  };
  const options = { batch: BATCH, inputShape: [3, SIZE, SIZE], optimizer: sgd({ momentum: 0.9 }), averageDecay: 0.9 };
  const whole = await steps(await Trainer.create(smallModel(), backend, options), [0, 1, 2]);
  const first = await steps(await Trainer.create(smallModel(), backend, options), [0]);
  const second = await steps(await Trainer.create(first.network, backend, options, first.memory), [1, 2]);
  assertEquals(await weightsOf(second.network), await weightsOf(whole.network));
  assertEquals(second.memory, whole.memory);
  backend.dispose();
});
