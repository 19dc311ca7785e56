import type { AttributesOf, OperandsOf } from "../../../graph/graph.ts";
import { asInputGrad, type convTranspose2d as convTranspose2dOperator } from "../../../graph/ops/conv_transpose2d.ts";
import { conv2dInputGrad as conv2dInputGradOperator } from "../../../graph/ops/convolution_grad.ts";
import type { Kernel } from "../../plan/plan.ts";
import { conv2dInputGrad } from "./conv2d_input_grad.ts";

/** A transposed convolution: the gradient of a convolution to its input. */
export const convTranspose2d: Kernel = (node, context) => {
  const { x, weight } = node.operands as OperandsOf<typeof convTranspose2dOperator>;
  const attributes = asInputGrad(node.attributes as AttributesOf<typeof convTranspose2dOperator>, node.output.shape);
  conv2dInputGrad(
    { ...node, op: conv2dInputGradOperator, operands: { gradient: x, weight }, attributes },
    context,
  );
};
