/** The backward pass of sigmoid and softmax. */

import { tf } from "../../tfjs.ts";
import { tempered } from "./elementwise.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** gradient * y (1 - y) / temperature. */
export const sigmoidGradKernel: Kernel = {
  run: ({ y, gradient, temperature }) => tempered(tf.mul(gradient!, tf.mul(y!, tf.sub(1, y!))), temperature),
};

/** y * (gradient - the row's sum of gradient * y) / temperature. */
export const softmaxGradKernel: Kernel = {
  run({ y, gradient, temperature }) {
    const dots = tf.sum(tf.mul(gradient!, y!), -1, true);
    return tempered(tf.mul(y!, tf.sub(gradient!, dots)), temperature);
  },
};
