/** The backward pass of linear: two matrix products. */

import type { Node } from "../../../graph/graph.ts";
import type { linearInputGrad, linearWeightGrad } from "../../../graph/ops/linear_grad.ts";
import { tf } from "../../tfjs.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { inChains, matrixProduct } from "./matrix_product.ts";
import { deviceShape } from "../tensors/device_shape.ts";

/** gradient weight. */
export const linearInputGradKernel: Kernel<Node<typeof linearInputGrad>> = {
  run: ({ gradient, weight }, { output: { shape: [, inputs] } }) =>
    matrixProduct(gradient as tf.Tensor2D, inChains(tf.reshape<tf.Rank.R2>(weight!, [-1, inputs]))),
};

/** gradient^T x. The gradient is transposed first, because tfjs's fast matrix product takes no transposed operand. */
export const linearWeightGradKernel: Kernel<Node<typeof linearWeightGrad>> = {
  run: ({ x, gradient }, { output: { shape } }) =>
    tf.reshape(matrixProduct(tf.transpose(gradient as tf.Tensor2D), inChains(x as tf.Tensor2D)), deviceShape(shape)),
};
