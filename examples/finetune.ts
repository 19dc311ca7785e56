/**
 * Fine-tunes a network on one's own folders: DATA/train/CLASS/*.jpg and DATA/val/CLASS/*.jpg.
 *
 *     deno run --allow-read --allow-write examples/finetune.ts weights/od_resnet20_cifar10.safetensors DATA runs/mine 5
 */

import { loadModel, openDataset, openDevice, runTraining } from "../mod.ts";

const [weights, data, folder, epochs] = Deno.args;
const training = await openDataset(`${data}/train`);
const validation = await openDataset(`${data}/val`);

// Another number of classes than the file has: the classifier begins anew, all other layers keep their weights.
using model = await loadModel(weights, { numClasses: training.numClasses });
using backend = await openDevice("auto", { work: "training" });

await Deno.mkdir(folder, { recursive: true });
const { best } = await runTraining({
  model,
  recipe: { epochs: Number(epochs), batch: Math.min(training.length, 32), lr: 0.01, lrDecay: "cos", tempEpoch: 0 },
  training,
  validation,
  backend,
  folder,
  onEpoch: ({ epoch, trainLoss, valTop1 }) =>
    console.log(`epoch ${epoch + 1}: loss ${trainLoss.toFixed(3)}, top-1 ${valTop1.toFixed(1)} %`),
});
console.log(`${training.classes.join(", ")}: top-1 ${best.toFixed(1)} %, ${folder}/best.safetensors`);
