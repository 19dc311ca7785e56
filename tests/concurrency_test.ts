/** Tests several concurrent callers on one device. Each caller gets the same results as alone. */

import { assertEquals } from "@std/assert";
import { openCpuPool } from "../src/cpu/backend.ts";
import type { Backend } from "../src/graph/backend.ts";
import { type ImageTensor, imageTensor } from "../src/image_tensor.ts";
import { type CompiledModel, createModel } from "../src/models/model/model.ts";
import { openTestDevice } from "./support/devices.ts";
import { randomStateDict, uniform } from "./support/random_weights.ts";

const DEVICES: Readonly<Record<string, () => Promise<Backend>>> = {
  webgpu: () => openTestDevice("webgpu"),
  cpu: () => openTestDevice("cpu"),
  "cpu, two workers": () => openCpuPool(2),
};

const BATCH = 4;

/** Batches of 1 to 4 images, other ones for every caller. */
function batches(caller: number): ImageTensor[] {
  return [1, 4, 3, 2].map((images, i) => {
    const shape = [images, 3, 32, 32];
    return imageTensor(uniform(`caller ${caller}, batch ${i}`, shape, 2), shape);
  });
}

async function compiled(device: Backend, arch: string): Promise<CompiledModel> {
  const model = createModel({ arch, kernelNum: 2 });
  model.loadStateDict(randomStateDict(model.stateDictSpec()));
  return await model.compile(device, { batch: BATCH });
}

for (const [name, open] of Object.entries(DEVICES)) {
  Deno.test(`run() answers several callers of two models bit for bit as one after the other, on ${name}`, async () => {
    const device = await open();
    const models = [await compiled(device, "od_resnet20"), await compiled(device, "resnet20")];
    const callers = [0, 1, 2, 3, 4, 5].map((caller) => ({ model: models[caller % 2], batches: batches(caller) }));
    const alone: Float32Array[][] = [];
    for (const { model, batches } of callers) {
      const answers = [];
      for (const batch of batches) answers.push(await model.run(batch));
      alone.push(answers);
    }
    // Half of them start all their batches before the first is answered, the others wait for each; several times over.
    for (let round = 0; round < 3; round++) {
      const together = await Promise.all(callers.map(async ({ model, batches }, caller) => {
        if (caller < 3) return await Promise.all(batches.map((batch) => model.run(batch)));
        const answers = [];
        for (const batch of batches) answers.push(await model.run(batch));
        return answers;
      }));
      assertEquals(together, alone);
    }
    for (const model of models) model.dispose();
    device.dispose();
  });
}
