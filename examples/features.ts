/**
 * Reads what an intermediate layer computes of an image: here the last stage, as a vector of means over its pixels.
 *
 *     deno run --allow-read examples/features.ts weights/od_resnet20_cifar10.safetensors layer3.2 frog.png
 */

import { decodeImage, loadModel, openDevice, optimizeForInference, preprocess } from "../mod.ts";

const [weights, layer, file] = Deno.args;
using model = await loadModel(weights);
using device = await openDevice("auto");

// Any value of the traced graph can be an output: here the last one that the layer computes.
const graph = model.trace();
const value = graph.nodes.findLast(({ name }) => name === layer)?.output;
if (!value) {
  throw new Error(`${layer} is no layer: ${[...model.network.namedModules()].map(([path]) => path).join(", ")}`);
}
graph.output("features", value);
const executable = await device.compile(optimizeForInference(graph));

const image = await decodeImage(await Deno.readFile(file), file);
const { features } = await executable.run({ x: preprocess(image, model.preprocessing) });

const [, channels, height, width] = value.shape;
const means = Array.from({ length: channels }, (_, c) => {
  const plane = features.subarray(c * height * width, (c + 1) * height * width);
  return plane.reduce((sum, x) => sum + x, 0) / plane.length;
});
console.log(`${layer} [${value.shape.join(", ")}]`, means.map((mean) => mean.toFixed(3)).join(" "));
executable.dispose();
