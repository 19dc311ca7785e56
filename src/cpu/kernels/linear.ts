import type { Node } from "../../graph/graph.ts";
import type { linear } from "../../graph/ops/linear.ts";
import { tf } from "../tfjs.ts";
import { activate, tempered } from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";

/** y = activation(x weight^T + bias). The weight is kept transposed: tfjs's fast product takes it so. */
export const linearKernel: Kernel<Node<typeof linear>> = {
  prepare(weight, { output, operands }) {
    return [tf.transpose(tf.reshape(weight, [output.shape[1], operands.x.shape[1]]))];
  },
  run({ x, bias, temperature }, { attributes: { activation } }, [weight]) {
    const product = tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D);
    const y = bias ? tf.add(product, bias) : product;
    return activation === "sigmoid" ? tf.sigmoid(tempered(y, temperature)) : activate(y, activation);
  },
};
