/** Conditions for the updates of a training step; see src/graph/ops/gate.ts. */

import { tf } from "../../tfjs.ts";
import type { Kernel } from "../tensors/kernel.ts";

const number = (x: tf.Tensor | undefined): number => x!.dataSync()[0];

/** total + gradient, or the gradient alone. */
export const accumulateKernel: Kernel = {
  run: ({ total, gradient, keep }) => number(keep) !== 0 ? tf.add(total!, gradient!) : tf.clone(gradient!),
};

/** open if x is finite, else 0. */
export const gateKernel: Kernel = {
  run: ({ open, x }) => Number.isFinite(number(x)) ? tf.clone(open!) : tf.zerosLike(open!),
};
