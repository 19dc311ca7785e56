import { assert, assertEquals } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { openDataset } from "../../src/data/datasets/open.ts";
import type { RgbImage } from "../../src/data/pixels/image.ts";
import { preprocess } from "../../src/data/pixels/preprocessing.ts";
import { topK } from "../../src/evaluation/accuracy.ts";
import { loadModel } from "../../src/models/load.ts";
import { DEVICE_NAMES, inErrorScopes, openTestDevice } from "../support/devices.ts";

/** Enough for a test run; `deno task eval` uses all 10,000. */
const IMAGES = 200;
const ROW = 32 * 32 * 3;
const path = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;

/** For each image the class that PyTorch predicts, and how far its logit leads the second largest. */
async function readExpected(weights: string): Promise<{ predicted: Uint8Array; margin: Float32Array }> {
  const { tensors, close } = await openCheckpoint(path(`tests/fixtures/${weights}.expected.safetensors`));
  try {
    return {
      predicted: (await tensors.get("predicted")!.read()).slice(),
      margin: new Float32Array((await tensors.get("margin")!.read()).slice().buffer),
    };
  } finally {
    close();
  }
}

for (const weights of ["od_resnet20_cifar10", "resnet20_cifar10"]) {
  for (const name of DEVICE_NAMES) {
    Deno.test(`${weights} predicts what PyTorch predicts on the first ${IMAGES} test images, on ${name}`, async () => {
      const { predicted, margin } = await readExpected(weights);
      const dataset = await openDataset("cifar10");
      const model = await loadModel(path(`weights/${weights}.safetensors`));
      const device = await openTestDevice(name);
      try {
        const logits = await inErrorScopes(device, async () => {
          const compiled = await model.compile(device, { batch: IMAGES });
          const images = new Float32Array(IMAGES * ROW);
          for (let i = 0; i < IMAGES; i++) {
            images.set(preprocess(await dataset.load(i) as RgbImage, model.preprocessing), i * ROW);
          }
          return await compiled.run(images);
        });
        for (let i = 0; i < IMAGES; i++) {
          const [first, second] = topK(logits.subarray(i * 10, (i + 1) * 10), 2);
          if (margin[i] >= 1e-4) assertEquals(first.class, predicted[i], `image ${i}`);
          const lead = first.logit - second.logit;
          assert(Math.abs(lead - margin[i]) < 1e-3, `image ${i} leads by ${lead}, PyTorch's by ${margin[i]}`);
        }
      } finally {
        device.dispose();
      }
    });
  }
}
