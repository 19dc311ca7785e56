import type { Value } from "../../../graph/graph.ts";
import type { ConvolutionAttributes } from "../../../graph/ops/shared.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import type { WinogradVariant } from "../../plan/variant.ts";
import { convolve } from "./convolve/convolve.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./geometry/geometry.ts";
import { type WinogradGeometry, winogradGeometry } from "./geometry/winograd_geometry.ts";
import type { ConvolutionOperands } from "./operands/operands.ts";
import { inChunks } from "./weights/sample_chunks.ts";
import { weightLayout, type WeightOperand, weightOperand } from "./weights/weight_layout.ts";
import { packWinograd, transformKernels, winogradConvolution, winogradSamples } from "./winograd/winograd.ts";

/** A convolution with one shared weight, or with a weight in memory for each sample. */
export const conv2d: Kernel = (node, context) => {
  const { x, weight, bias, residual } = node.operands as Record<"x" | "weight", Value> & {
    bias?: Value;
    residual?: Value;
  };
  const attributes = node.attributes as ConvolutionAttributes;
  const geometry = convolutionGeometry(x.shape, weight.shape.slice(-4), node.output.shape, attributes);
  const variant = context.variant(node);
  const operands: Omit<ConvolutionOperands, "weight" | "layout"> = {
    x: context.operand(x),
    bias: bias && context.read(bias),
    perSampleBias: bias?.shape.length === 2,
    residual: residual && context.read(residual),
    activation: attributes.activation,
    y: context.output(node),
    perSampleWeights: weight.shape.length === 5,
    samples: [0, geometry.output.batch],
  };
  if (variant.algorithm === "winograd") {
    convolveByWinograd(node.name, geometry, weight, operands, variant, context);
    return;
  }
  const weights = weightOperand(weight, geometry, attributes.groups, context);
  context.emit(convolve(geometry, { ...operands, ...weights }, variant.tile));
};

/** Convolves as many samples at a time as memory allows. */
function convolveByWinograd(
  name: string,
  geometry: ConvolutionGeometry,
  weight: Value,
  operands: Omit<ConvolutionOperands, "weight" | "layout">,
  { size, tile }: WinogradVariant,
  context: PlanContext,
): void {
  const winograd = winogradGeometry(geometry, size);
  const weights = transformedWeight(winograd, weight, context);
  for (const samples of inChunks(geometry.output.batch, winogradSamples(winograd, false, context.capabilities))) {
    winogradConvolution(winograd, { ...operands, ...weights, samples }, name, tile, context);
  }
}

/** A constant weight is transformed once, at upload. A weight that runs change is transformed in every run. */
function transformedWeight(winograd: WinogradGeometry, weight: Value, context: PlanContext): WeightOperand {
  const { geometry, size, kernelTexels } = winograd;
  const layout = weightLayout(weight, geometry, 1);
  if (context.isConstant(weight)) {
    const pack = packWinograd(winograd, layout, weight.name, context.capabilities.precision);
    return { weight: context.packed(weight, `winograd${size}`, kernelTexels, pack), layout };
  }
  const y = context.scratch(`${weight.name} winograd${size}`, kernelTexels);
  const from = weightOperand(weight, geometry, 1, context);
  context.emit(transformKernels(winograd, { ...from, y, kernels: 1, samples: [0, 1] }));
  return { weight: context.operandOf(y), layout };
}
