/** The backward of the elementwise operators. */

import type { Node } from "../../graph/graph.ts";
import type { activationGrad } from "../../graph/ops/elementwise_grad.ts";
import { tf } from "../tfjs.ts";
import { tempered } from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import { compute } from "./typed_array.ts";

/** Results from which on an activation is constant again. */
const LIMIT = { relu: Infinity, relu6: 6 } as const;

/** 0 where the activation is constant, else the gradient: also where the result is no number, as in PyTorch. */
export const activationGradKernel: Kernel<Node<typeof activationGrad>> = {
  run({ y, gradient }, { output: { shape }, attributes: { activation } }) {
    const limit = LIMIT[activation];
    return compute(shape, [y!, gradient!], (out, y, gradient) => {
      for (let i = 0; i < out.length; i++) out[i] = y[i] <= 0 || y[i] >= limit ? 0 : gradient[i];
    });
  },
};

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
