import type { AttributesOf, OperandsOf } from "../../../graph/graph.ts";
import { type conv2dInputGrad as conv2dInputGradOperator, isPerSample } from "../../../graph/ops/convolution_grad.ts";
import type { Dispatch } from "../../plan/kernel.ts";
import { TEXEL_BYTES } from "../../plan/layout.ts";
import { mostBytes } from "../../plan/limits.ts";
import type { Kernel } from "../../plan/plan.ts";
import { convolve } from "./convolve/convolve.ts";
import { stridedInputGrad } from "./direct/strided_input_grad.ts";
import { convolutionGeometry } from "./geometry/geometry.ts";
import { transposedGeometry } from "./geometry/transposed.ts";
import { winogradGeometry } from "./geometry/winograd_geometry.ts";
import type { ConvolutionOperands } from "./operands/operands.ts";
import { mixKernels } from "./weights/mix_kernels.ts";
import { inChunks, MOST_CHUNK_BYTES } from "./weights/sample_chunks.ts";
import { scaledChannels } from "./weights/scaled_channels.ts";
import { transposed, weightOperand } from "./weights/weight_layout.ts";
import { transformKernels, winogradConvolution, winogradSamples } from "./winograd/winograd.ts";

/**
 * A convolution of the gradient with the transposed weight. The filter attention scales the gradient's channels like
 * the channel attention scales x in the forward convolution. So the variants are the same.
 */
export const conv2dInputGrad: Kernel = (node, context) => {
  const { gradient, weight, filter, spatial, kernel } = node.operands as OperandsOf<typeof conv2dInputGradOperator>;
  const attributes = node.attributes as AttributesOf<typeof conv2dInputGradOperator>;
  const each = weight.shape.slice(-4);
  const kernels = weight.shape.length === 5 ? weight.shape[0] : 1;
  const geometry = transposedGeometry(gradient.shape, each, node.output.shape, attributes);
  const strided = attributes.stride.some((step) => step !== 1);
  const variant = strided ? undefined : context.variant(node);
  const direct = (operands: ConvolutionOperands): Dispatch =>
    variant ? convolve(geometry, operands, variant.tile) : stridedInputGrad(geometry, attributes, operands);
  const winograd = variant?.algorithm === "winograd" ? winogradGeometry(geometry, variant.size) : undefined;
  const forward = convolutionGeometry(node.output.shape, each, gradient.shape, attributes);
  const from = weightOperand(weight, forward, attributes.groups, context);
  const weights = { weight: from.weight, layout: transposed(from.layout) };
  const { batch } = geometry.output;
  const most = Math.min(MOST_CHUNK_BYTES, mostBytes(context.capabilities));
  const common = { y: context.output(node), activation: "none" } as const;
  const perSampleWeights = isPerSample(weight.shape, kernel);
  const everything = { ...common, perSampleWeights, samples: [0, batch] as const };

  if (!kernel && !spatial) {
    // The gradient is scaled on load if the kernel supports it, else beforehand.
    const channel = filter && variant?.algorithm === "direct" && !geometry.depthwise ? context.read(filter) : undefined;
    const scaled = filter && !channel ? scaledChannels(gradient, filter, context) : context.read(gradient);
    const x = context.operandOf(scaled);
    if (!winograd) return context.emit(direct({ ...everything, ...weights, x, channel }));
    const y = context.scratch(`${weight.name} transposed winograd`, winograd.kernelTexels);
    context.emit(transformKernels(winograd, { ...weights, y, kernels: 1, samples: [0, 1] }));
    const transformed = context.operandOf(y);
    for (const samples of inChunks(batch, winogradSamples(winograd, false, context.capabilities))) {
      const operands = { ...everything, ...weights, weight: transformed, x, samples };
      winogradConvolution(winograd, operands, node.name, variant!.tile, context);
    }
    return;
  }

  const x = context.operand(gradient);
  const attentions = {
    kernel: kernel && context.read(kernel),
    channel: filter && context.read(filter),
    spatial: spatial && context.read(spatial),
    kernels,
  };
  if (variant?.mixing === "shared") {
    return context.emit(direct({ ...everything, ...attentions, ...weights, x }));
  }
  const texels = winograd?.kernelTexels ?? geometry.weightTexels;
  const chunk = winograd ? winogradSamples(winograd, true, context.capabilities) : most / (texels * TEXEL_BYTES);
  for (const samples of inChunks(batch, chunk)) {
    const mixed = context.scratch(`${node.name} kernels`, texels * (samples[1] - samples[0]));
    const mix = { ...attentions, ...weights, y: mixed, samples };
    context.emit(winograd ? transformKernels(winograd, mix) : mixKernels(geometry, mix));
    const operands = { ...common, ...weights, x, weight: context.operandOf(mixed), perSampleWeights: true, samples };
    if (winograd) winogradConvolution(winograd, operands, node.name, variant!.tile, context);
    else context.emit(direct(operands));
  }
};
