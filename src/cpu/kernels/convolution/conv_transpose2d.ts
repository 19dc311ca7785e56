import type { Node } from "../../../graph/graph.ts";
import { asInputGrad, type convTranspose2d } from "../../../graph/ops/conv_transpose2d.ts";
import { conv2dInputGrad } from "../../../graph/ops/convolution_grad.ts";
import { conv2dInputGradKernel } from "./convolution_grad.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** The gradient of a convolution with respect to its input. */
export const convTranspose2dKernel: Kernel<Node<typeof convTranspose2d>> = {
  run({ x, weight }, node) {
    const operands = { gradient: node.operands.x, weight: node.operands.weight };
    const attributes = asInputGrad(node.attributes, node.output.shape);
    return conv2dInputGradKernel.run(
      { gradient: x, weight },
      { ...node, op: conv2dInputGrad, operands, attributes },
      [],
    );
  },
};
