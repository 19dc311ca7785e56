import type { Node } from "../../../graph/graph.ts";
import type { linear } from "../../../graph/ops/linear.ts";
import { tf } from "../../tfjs.ts";
import { activate, tempered } from "../elementwise/elementwise.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { inChains, matrixProduct } from "./matrix_product.ts";

/**
 * y = activation(x weight^T + bias). The weight is stored transposed and in parts, as tfjs's fast matrix product needs
 * it.
 */
export const linearKernel: Kernel<Node<typeof linear>> = {
  prepare(weight, { output, operands }) {
    return inChains(tf.transpose(tf.reshape<tf.Rank.R2>(weight, [output.shape[1], operands.x.shape[1]])));
  },
  run({ x, bias, temperature }, { attributes: { activation } }, weights) {
    const product = matrixProduct(x as tf.Tensor2D, weights as tf.Tensor2D[]);
    const y = bias ? tf.add(product, bias) : product;
    return activation === "sigmoid" ? tf.sigmoid(tempered(y, temperature)) : activate(y, activation);
  },
};
