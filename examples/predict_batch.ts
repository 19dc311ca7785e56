/**
 * Predicts what is in several images, in one batch.
 *
 *     deno run --allow-read examples/predict_batch.ts weights/od_resnet20_cifar10.safetensors frog.png ship.png
 */

import { classify, loadModel, openDevice } from "../mod.ts";

const [weights, ...files] = Deno.args;
using model = await loadModel(weights);
using device = await openDevice("auto");
using network = await model.compile(device, { batch: files.length });

const images = await Promise.all(files.map((file) => Deno.readFile(file)));
const answers = await classify(network, images, { topK: 1 });
answers.forEach(([best], i) => console.log(`${files[i]}: ${best.name} ${(100 * best.probability).toFixed(1)} %`));
