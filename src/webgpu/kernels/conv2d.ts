import type { Value } from "../../graph/graph.ts";
import type { ConvolutionAttributes } from "../../graph/ops/shared.ts";
import type { Resource } from "../kernel.ts";
import type { Kernel, PlanContext } from "../plan.ts";
import { arrangement } from "./arrange_kernels.ts";
import type { ConvolutionOperands } from "./convolution.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./convolution_geometry.ts";
import { convolve } from "./convolve.ts";
import { inChunks, MOST_CHUNK_BYTES } from "./sample_chunks.ts";
import type { WinogradVariant } from "./variants.ts";
import {
  packWinograd,
  transformKernels,
  winogradConvolution,
  type WinogradGeometry,
  winogradGeometry,
  winogradSamples,
} from "./winograd.ts";

/** A static convolution. */
export const conv2d: Kernel = (node, context) => {
  const { x, weight, bias, residual } = node.operands as Record<"x" | "weight", Value> & {
    bias?: Value;
    residual?: Value;
  };
  const attributes = node.attributes as ConvolutionAttributes;
  const geometry = convolutionGeometry(x.shape, weight.shape, node.output.shape, attributes);
  const variant = context.variant(node);
  const operands: Omit<ConvolutionOperands, "weight"> = {
    x: context.operand(x),
    bias: bias && context.read(bias),
    residual: residual && context.read(residual),
    activation: attributes.activation,
    y: context.output(node),
    perSampleWeights: false,
    samples: [0, geometry.output.batch],
  };
  if (variant.algorithm === "winograd") {
    convolveByWinograd(node.name, geometry, weight, operands, variant, context);
    return;
  }
  const packed = packedWeight(geometry, weight, attributes.groups, context);
  context.emit(convolve(geometry, { ...operands, weight: packed }, variant.tile));
};

function packedWeight(
  geometry: ConvolutionGeometry,
  weight: Value,
  groups: number,
  context: PlanContext,
): Resource {
  const { weightTexels, pack } = geometry;
  return context.packed(
    weight,
    `conv2d/${groups}`,
    weightTexels,
    pack,
    arrangement(weight.shape, geometry, groups, false),
  );
}

/** As many samples at a time as memory takes. */
function convolveByWinograd(
  name: string,
  geometry: ConvolutionGeometry,
  weight: Value,
  operands: Omit<ConvolutionOperands, "weight">,
  { size, tile }: WinogradVariant,
  context: PlanContext,
): void {
  const winograd = winogradGeometry(geometry, size);
  const transformed = transformedWeight(winograd, weight, context);
  const most = Math.min(MOST_CHUNK_BYTES, context.capabilities.maxBindingBytes);
  for (const samples of inChunks(geometry.output.batch, winogradSamples(winograd, false, most))) {
    winogradConvolution(winograd, { ...operands, weight: transformed, samples }, name, tile, context);
  }
}

/** Once, when it is uploaded; in every run where runs change it. */
function transformedWeight(winograd: WinogradGeometry, weight: Value, context: PlanContext): Resource {
  const { geometry, size, kernelTexels } = winograd;
  if (context.isConstant(weight)) {
    return context.packed(weight, `winograd${size}`, kernelTexels, packWinograd(winograd));
  }
  const y = context.scratch(`${weight.name} winograd${size}`, kernelTexels);
  context.emit(transformKernels(winograd, {
    weight: packedWeight(geometry, weight, 1, context),
    y,
    kernels: 1,
    samples: [0, 1],
  }));
  return context.operandOf(y);
}
