import type { Value } from "../../../graph/graph.ts";
import type { ConvolutionAttributes } from "../../../graph/ops/shared.ts";
import type { Resource } from "../../plan/kernel.ts";
import { TEXEL_BYTES } from "../../plan/layout.ts";
import { mostBytes } from "../../plan/limits.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import type { Variant } from "../../plan/variant.ts";
import { scalesFirst } from "./choice/variants.ts";
import { convolve } from "./convolve/convolve.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./geometry/geometry.ts";
import { winogradGeometry } from "./geometry/winograd_geometry.ts";
import type { Epilogue } from "./operands/epilogue.ts";
import { mixKernels } from "./weights/mix_kernels.ts";
import { inChunks, MOST_CHUNK_BYTES } from "./weights/sample_chunks.ts";
import { scaledChannels } from "./weights/scaled_channels.ts";
import { type WeightLayout, weightOperand } from "./weights/weight_layout.ts";
import { transformKernels, winogradConvolution, winogradSamples } from "./winograd/winograd.ts";

/** A node's operands on the device, and its epilogue. */
interface Prepared extends Epilogue {
  readonly x: Resource;
  /** n kernels. */
  readonly weight: Resource;
  readonly layout: WeightLayout;
  readonly kernels: number;
  readonly kernel?: Resource;
  readonly channel?: Resource;
  readonly spatial?: Resource;
  readonly y: Resource;
}

/**
 * The ODConv convolution. Either each sample's kernel is mixed first and then convolved. Or the batch shares the n
 * kernels, and the attentions are applied as operands are loaded.
 */
export const dynamicConv2d: Kernel = (node, context) => {
  const { x, weight, channel, filter, spatial, kernel, bias, residual } = node.operands as
    & Record<"x" | "weight", Value>
    & Partial<Record<"channel" | "filter" | "spatial" | "kernel" | "bias" | "residual", Value>>;
  const attributes = node.attributes as ConvolutionAttributes;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, node.output.shape, attributes);
  const read = (value: Value | undefined): Resource | undefined => value && context.read(value);
  const variant = context.variant(node);
  const shared = variant.mixing === "shared";
  const scaleFirst = shared && scalesFirst(node);
  const input = scaleFirst ? scaledChannels(x, channel!, context) : context.read(x);
  const prepared: Prepared = {
    x: context.operandOf(input),
    ...weightOperand(weight, geometry, attributes.groups, context),
    kernels,
    kernel: read(kernel),
    channel: scaleFirst ? undefined : read(channel),
    spatial: read(spatial),
    filter: read(filter),
    bias: read(bias),
    perSampleBias: bias?.shape.length === 2,
    residual: read(residual),
    activation: attributes.activation,
    y: context.output(node),
  };
  if (shared) {
    const samples = [0, geometry.output.batch] as const;
    context.emit(convolve(geometry, { ...prepared, perSampleWeights: false, samples }, variant.tile));
  } else mixAndConvolve(node.name, geometry, prepared, variant, context);
};

/** Mixes the kernels of as many samples as memory holds, convolves those samples, and repeats. */
function mixAndConvolve(
  name: string,
  geometry: ConvolutionGeometry,
  prepared: Prepared,
  variant: Variant,
  context: PlanContext,
): void {
  const { channel: _, spatial: __, kernel: ___, kernels: ____, ...convolved } = prepared;
  const most = Math.min(MOST_CHUNK_BYTES, mostBytes(context.capabilities));
  const winograd = variant.algorithm === "winograd" ? winogradGeometry(geometry, variant.size) : undefined;
  const texels = winograd?.kernelTexels ?? geometry.weightTexels;
  const chunk = winograd ? winogradSamples(winograd, true, context.capabilities) : most / (texels * TEXEL_BYTES);
  for (const samples of inChunks(geometry.output.batch, chunk)) {
    const mixed = context.scratch(`${name} kernels`, texels * (samples[1] - samples[0]));
    const mix = { ...prepared, y: mixed, samples };
    context.emit(winograd ? transformKernels(winograd, mix) : mixKernels(geometry, mix));
    const operands = { ...convolved, weight: context.operandOf(mixed), perSampleWeights: true, samples };
    if (winograd) winogradConvolution(winograd, operands, name, variant.tile, context);
    else context.emit(convolve(geometry, operands, variant.tile));
  }
}
