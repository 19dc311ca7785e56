/** The arithmetic of optimizers. All of it is elementwise, so the layout does not matter. */

import type { Node } from "../../../graph/graph.ts";
import type { adamwStep, clipFactor, sgdStep, sgdVelocity, squaredAverage } from "../../../graph/ops/optimizer_step.ts";
import { tf } from "../../tfjs.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** Returns true if there is no condition, or if it allows the update. */
export function isOpen(condition: tf.Tensor | undefined): boolean {
  return !condition || condition.dataSync()[0] !== 0;
}

/** momentum * velocity + gradient + weightDecay * parameter. */
export const sgdVelocityKernel: Kernel<Node<typeof sgdVelocity>> = {
  run: ({ parameter, gradient, velocity, condition }, { attributes: { momentum, weightDecay } }) =>
    isOpen(condition)
      ? tf.add(tf.mul(velocity!, momentum), decayed(gradient!, parameter!, weightDecay))
      : tf.clone(velocity!),
};

/** parameter - learningRate * direction. */
export const sgdStepKernel: Kernel<Node<typeof sgdStep>> = {
  run(operands, { attributes: { momentum, weightDecay, nesterov } }) {
    const { parameter, gradient, velocity, learningRate, condition } = operands;
    if (!isOpen(condition)) return tf.clone(parameter!);
    const plain = () => decayed(gradient!, parameter!, weightDecay);
    const direction = !velocity ? plain() : nesterov ? tf.add(plain(), tf.mul(velocity, momentum)) : velocity;
    return tf.sub(parameter!, tf.mul(direction, learningRate!));
  },
};

/** gradient + weightDecay * parameter. */
function decayed(gradient: tf.Tensor, parameter: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
}

/** beta * moment + (1 - beta) * gradient^2. */
export const squaredAverageKernel: Kernel<Node<typeof squaredAverage>> = {
  run: ({ moment, gradient, condition }, { attributes: { beta } }) =>
    isOpen(condition) ? tf.add(tf.mul(moment!, beta), tf.mul(tf.square(gradient!), 1 - beta)) : tf.clone(moment!),
};

/** PyTorch's AdamW, from the corrected moments. */
export const adamwStepKernel: Kernel<Node<typeof adamwStep>> = {
  run({ parameter, first, second, learningRate, firstCorrection, secondCorrection, condition }, { attributes }) {
    if (!isOpen(condition)) return tf.clone(parameter!);
    const { weightDecay, eps } = attributes;
    const kept = tf.mul(parameter!, tf.sub(1, tf.mul(learningRate!, weightDecay)));
    const rate = tf.mul(learningRate!, firstCorrection!);
    const root = tf.add(tf.sqrt(tf.mul(second!, secondCorrection!)), eps);
    return tf.sub(kept, tf.div(tf.mul(first!, rate), root));
  },
};

/** min(1, maxNorm / (sqrt(squares) + 1e-6)). */
export const clipFactorKernel: Kernel<Node<typeof clipFactor>> = {
  run: ({ squares }, { attributes: { maxNorm } }) => tf.minimum(1, tf.div(maxNorm, tf.add(tf.sqrt(squares!), 1e-6))),
};
