import type { AttributesOf, OperandsOf, Value } from "../../graph/graph.ts";
import type { conv2dInputGrad as conv2dInputGradOperator } from "../../graph/ops/convolution_grad.ts";
import { type Dispatch, dispatch, type Resource } from "../kernel.ts";
import { blocked, TEXEL_BYTES } from "../layout.ts";
import type { Kernel, PlanContext } from "../plan.ts";
import { arrangement, mixTransposed, weightSource } from "./arrange_kernels.ts";
import type { ConvolutionOperands } from "./convolution.ts";
import { convolve } from "./convolve.ts";
import { mixKernels } from "./mix_kernels.ts";
import { inChunks, MOST_CHUNK_BYTES } from "./sample_chunks.ts";
import { scaledChannels } from "./scaled_channels.ts";
import { stridedInputGrad } from "./strided_input_grad.ts";
import { transposedGeometry } from "./transposed_geometry.ts";
import { transformKernels, winogradConvolution, winogradGeometry, winogradSamples } from "./winograd.ts";

/**
 * A convolution of the gradient by the transposed weight. The filter attention scales the gradient's channels as the
 * channel attention scales those of x in the forward convolution, so the ways to compute it are the same.
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
  const packed = () =>
    context.packed(
      weight,
      `conv2d_input_grad/${attributes.groups}`,
      geometry.weightTexels * kernels,
      geometry.pack,
      arrangement(weight.shape, geometry, attributes.groups, true),
    );
  const { batch } = geometry.output;
  const most = Math.min(MOST_CHUNK_BYTES, context.capabilities.maxBindingBytes);
  const common = { y: context.output(node), activation: "none" } as const;
  const everything = { ...common, perSampleWeights: false, samples: [0, batch] } as const;
  const taps = spatial && reversedTaps(spatial, context);

  if (!kernel && !spatial) {
    // Scaled as it is loaded by the kernel that can; else beforehand.
    const channel = filter && variant?.algorithm === "direct" && !geometry.depthwise ? context.read(filter) : undefined;
    const scaled = filter && !channel ? scaledChannels(gradient, filter, context) : context.read(gradient);
    const x = context.operandOf(scaled);
    if (!winograd) return context.emit(direct({ ...everything, weight: packed(), x, channel }));
    const y = context.scratch(`${weight.name} transposed winograd`, winograd.kernelTexels);
    context.emit(transformKernels(winograd, { weight: packed(), y, kernels: 1, samples: [0, 1] }));
    const transformed = context.operandOf(y);
    for (const samples of inChunks(batch, winogradSamples(winograd, false, most))) {
      const operands = { ...everything, weight: transformed, x, samples };
      winogradConvolution(winograd, operands, node.name, variant!.tile, context);
    }
    return;
  }

  const x = context.operand(gradient);
  const attentions = {
    kernel: kernel && context.read(kernel),
    channel: filter && context.read(filter),
    spatial: taps,
    kernels,
  };
  if (variant?.mixing === "shared") {
    return context.emit(direct({ ...everything, ...attentions, weight: packed(), x }));
  }
  const source = winograd || context.isConstant(weight)
    ? undefined
    : weightSource(weight.shape, geometry, attributes.groups, true);
  const from = source ? context.operand(weight) : packed();
  const texels = winograd?.kernelTexels ?? geometry.weightTexels;
  const chunk = winograd ? winogradSamples(winograd, true, most) : most / (texels * TEXEL_BYTES);
  for (const samples of inChunks(batch, chunk)) {
    const mixed = context.scratch(`${node.name} kernels`, texels * (samples[1] - samples[0]));
    const mix = { ...attentions, weight: from, y: mixed, samples };
    if (winograd) context.emit(transformKernels(winograd, mix));
    else context.emit(source ? mixTransposed(source, mix) : mixKernels(geometry, mix));
    const operands = { ...common, x, weight: context.operandOf(mixed), perSampleWeights: true, samples };
    if (winograd) winogradConvolution(winograd, operands, node.name, variant!.tile, context);
    else context.emit(direct(operands));
  }
};

/** The spatial attention [B, taps] with its taps backwards, as the transposed weight has them. */
function reversedTaps(spatial: Value, context: PlanContext): Resource {
  const { channels: taps, blocks, texels } = blocked(spatial.shape);
  const reversed = context.scratch(`${spatial.name} reversed`, texels);
  context.emit(dispatch({
    label: "reverse_taps",
    reads: { x: context.read(spatial) },
    writes: { y: reversed },
    uniforms: { taps, blocks },
    invocations: texels,
    body: `
  let block = id % u.blocks;
  var texel = vec4f();
  for (var lane = 0u; lane < min(4u, u.taps - block * 4u); lane++) {
    let tap = u.taps - 1u - block * 4u - lane;
    texel[lane] = x(id - block + tap / 4u)[tap % 4u];
  }
  y[id] = texel;`,
  }));
  return reversed;
}
