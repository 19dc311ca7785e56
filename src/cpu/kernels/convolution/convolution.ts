/** conv2d and dynamic_conv2d. The latter is the same with one weight per sample. */

import type { Node } from "../../../graph/graph.ts";
import type { conv2d } from "../../../graph/ops/conv2d.ts";
import type { dynamicConv2d } from "../../../graph/ops/dynamic_conv2d.ts";
import { type ConvolutionShapes, prepareBlocks } from "./convolution_blocks.ts";
import { convolve } from "./convolve.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** y = activation(x * weight + bias + residual). */
export const conv2dKernel: Kernel<Node<typeof conv2d>> = {
  prepare: (weight, node) => prepareBlocks(weight, staticShapes(node)),
  run: (operands, node, weights) => convolve(operands, weights, staticShapes(node)),
};

/**
 * ODConv. All attentions are mixed into the weight of a block of output channels. The weight is used at once and not
 * kept. Scaling x and y instead would need a pass over each.
 */
export const dynamicConv2dKernel: Kernel<Node<typeof dynamicConv2d>> = {
  prepare: (weight, node) => prepareBlocks(weight, dynamicShapes(node)),
  run: (operands, node, weights) => convolve(operands, weights, dynamicShapes(node)),
};

function staticShapes({ operands: { x, weight }, attributes, output }: Node<typeof conv2d>): ConvolutionShapes {
  const perSample = weight.shape.length === 5;
  const kernels = perSample ? weight.shape : [1, ...weight.shape];
  return { x: x.shape, weight: kernels, y: output.shape, attributes, dynamic: false, perSample };
}

function dynamicShapes({ operands, attributes, output }: Node<typeof dynamicConv2d>): ConvolutionShapes {
  const { x, weight, channel, filter, spatial, kernel } = operands;
  const dynamic = [channel, filter, spatial, kernel].some((attention) => attention !== undefined);
  return { x: x.shape, weight: weight.shape, y: output.shape, attributes, dynamic, perSample: false };
}
