/**
 * Tests that images with another height and width than the network's are refused, even with the same number of
 * elements.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { normalize } from "../../src/data/pixels/preprocessing.ts";
import { stack } from "../../src/data/pixels/stack.ts";
import { openCpuPool } from "../../src/cpu/backend.ts";
import { ShapeError } from "../../src/errors.ts";
import type { Backend } from "../../src/graph/backend.ts";
import type { ImageTensor } from "../../src/image_tensor.ts";
import { attentionOutputs } from "../../src/models/model/attention.ts";
import { createModel } from "../../src/models/model/model.ts";
import { sgd } from "../../src/training/optimizer.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { openTestDevice } from "../support/devices.ts";
import { uniform } from "../support/random_weights.ts";

const model = createModel({ arch: "od_resnet20" });

function image(width: number, height: number): ImageTensor {
  const data = Uint8Array.from(uniform(`${width}x${height}`, [width * height * 3], 127, 128));
  return normalize({ width, height, data }, model.preprocessing);
}

const DEVICES: Readonly<Record<string, () => Promise<Backend>>> = {
  webgpu: () => openTestDevice("webgpu"),
  cpu: () => openTestDevice("cpu"),
  "cpu, two workers": () => openCpuPool(2),
};

for (const [name, open] of Object.entries(DEVICES)) {
  Deno.test(`run() checks height and width, not their product, on ${name}`, async () => {
    const device = await open();
    const network = await model.compile(device, { batch: 4 });
    const refused = (images: Float32Array<ArrayBuffer>, found: string, shape?: readonly number[]) => {
      const message = `the images are ${found}, the network takes [3, 32, 32] or [1 to 4, 3, 32, 32]`;
      return assertRejects(() => network.run(images, shape), ShapeError, message);
    };
    await refused(image(64, 64), "[3, 64, 64]");
    await refused(image(16, 64), "[3, 64, 16]");
    await refused(stack([image(64, 16), image(64, 16)]), "[2, 3, 16, 64]");
    await refused(stack(Array(5).fill(image(32, 32))), "[5, 3, 32, 32]");
    await refused(new Float32Array(3 * 64 * 64), "[3, 64, 64]", [3, 64, 64]);
    // A shape that is given does not hide the one that is there.
    await refused(image(16, 64), "[3, 64, 16]", [3, 32, 32]);
    const plain = () => network.run(image(16, 64).slice());
    await assertRejects(
      plain,
      ShapeError,
      "the images have 3072 numbers and no shape, expected 12288 ([4, 3, 32, 32])",
    );

    const one = await network.run(image(32, 32));
    assertEquals(one.length, 10);
    const three = await network.run(stack([image(32, 32), image(32, 32), image(32, 32)]));
    assertEquals(three, Float32Array.from([...one, ...one, ...one]));
    network.dispose();
    device.dispose();
  });

  Deno.test(`a graph's own run checks the shape of what carries one on ${name}`, async () => {
    const device = await open();
    const graph = model.trace();
    attentionOutputs(graph);
    const executable = await device.compile(graph);
    const temperature = Float32Array.of(1);
    await assertRejects(
      () => executable.run({ x: image(16, 64), temperature }),
      ShapeError,
      'the input "x" is [3, 64, 16], expected [1, 3, 32, 32]',
    );
    const { logits } = await executable.run({ x: image(32, 32), temperature });
    assertEquals(await executable.run({ x: stack([image(32, 32)]), temperature }).then((all) => all.logits), logits);
    executable.dispose();
    device.dispose();
  });
}

Deno.test("Trainer.step() checks height and width", async () => {
  const device = await openTestDevice("cpu");
  const trainer = await Trainer.create(createModel({ arch: "resnet20" }), device, { optimizer: sgd(), batch: 2 });
  const labels = Float32Array.of(0, 1);
  const step = (x: Float32Array<ArrayBuffer>) => trainer.step({ x, labels }, { learningRate: 0.1 });
  await assertRejects(
    () => step(stack([image(64, 16), image(64, 16)])),
    ShapeError,
    'the input "x" is [2, 3, 16, 64], expected [2, 3, 32, 32]',
  );
  await assertRejects(() => step(image(32, 64)), ShapeError, "[3, 64, 32]");
  assertEquals(trainer.memory.updates, 0);
  await step(stack([image(32, 32), image(32, 32)]));
  trainer.dispose();
  device.dispose();
});
