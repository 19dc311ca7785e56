import type { Value } from "../../graph/graph.ts";
import type { Activation, WindowAttributes } from "../../graph/ops/shared.ts";
import type { Kernel } from "../planner.ts";
import { convolution } from "./convolution.ts";
import { convolutionGeometry } from "./convolution_geometry.ts";
import { depthwiseConvolution } from "./depthwise.ts";

/** A static convolution: one dispatch. */
export const conv2d: Kernel = (node, context) => {
  const { x, weight, bias, residual } = node.operands as Record<"x" | "weight", Value> & {
    bias?: Value;
    residual?: Value;
  };
  const attributes = node.attributes as WindowAttributes & { groups: number; activation: Activation };
  const geometry = convolutionGeometry(x.shape, weight.shape, node.output.shape, attributes);
  const kernel = geometry.depthwise ? depthwiseConvolution : convolution;
  context.emit(kernel(geometry, {
    x: context.operand(x),
    weight: context.packed(weight, `conv2d/${attributes.groups}`, geometry.weightTexels, geometry.pack),
    bias: bias && context.read(bias),
    residual: residual && context.read(residual),
    activation: attributes.activation,
    y: context.output(node),
    perSampleWeights: false,
    samples: [0, geometry.output.batch],
  }, context.variant(node).tile));
};
