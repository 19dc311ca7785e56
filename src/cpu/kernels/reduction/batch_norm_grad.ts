/** Batch norm in training, and the backward pass of batch norm. Channels are the last axis here. */

import type { Node } from "../../../graph/graph.ts";
import type { batchNormInputGrad, batchNormWeightGrad } from "../../../graph/ops/batch_norm_grad.ts";
import type { batchNormTrain, runningAverage } from "../../../graph/ops/batch_norm_train.ts";
import { tf } from "../../tfjs.ts";
import { normalize } from "../elementwise/elementwise.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { isOpen } from "../elementwise/optimizer_step.ts";
import { compute } from "../tensors/typed_array.ts";

/** weight (x - mean) / sqrt(variance + eps) + bias, per channel. */
export const batchNormTrainKernel: Kernel<Node<typeof batchNormTrain>> = {
  run: ({ x, weight, bias, mean, variance }, { attributes: { eps } }) =>
    normalize(x!, [mean!, variance!, bias!, weight!], eps),
};

/** The sum of gradient * (x - mean) / sqrt(variance + eps), per channel. */
export const batchNormWeightGradKernel: Kernel<Node<typeof batchNormWeightGrad>> = {
  run: ({ x, gradient, mean, variance }, { output: { shape }, attributes: { eps } }) =>
    compute(shape, [x!, gradient!, mean!, variance!], (out, x, gradient, mean, variance) => {
      const sums = new Float64Array(out.length);
      for (let i = 0; i < x.length;) {
        for (let c = 0; c < sums.length; c++, i++) sums[c] += gradient[i] * (x[i] - mean[c]);
      }
      for (let c = 0; c < sums.length; c++) out[c] = sums[c] / Math.sqrt(variance[c] + eps);
    }),
};

/**
 * weight / sqrt(variance + eps) * (gradient - (biasGradient + xhat * weightGradient) / N). Without x, only weight /
 * sqrt(variance + eps) * gradient.
 */
export const batchNormInputGradKernel: Kernel<Node<typeof batchNormInputGrad>> = {
  run(operands, { output: { shape }, attributes: { eps } }) {
    const { gradient, weight, variance, x, mean, weightGradient, biasGradient } = operands;
    const inverse = tf.rsqrt(tf.add(variance!, eps));
    const scale = tf.mul(weight!, inverse);
    if (!x) return tf.mul(gradient!, scale);
    return compute(
      shape,
      [gradient!, x, mean!, scale, inverse, weightGradient!, biasGradient!],
      (out, gradient, x, mean, scale, inverse, weightGradient, biasGradient) => {
        const channels = mean.length;
        const n = out.length / channels;
        for (let i = 0; i < out.length;) {
          for (let c = 0; c < channels; c++, i++) {
            const xhat = (x[i] - mean[c]) * inverse[c];
            out[i] = scale[c] * (gradient[i] - (biasGradient[c] + xhat * weightGradient[c]) / n);
          }
        }
      },
    );
  },
};

/** (1 - momentum) * running + momentum * correction * batch. */
export const runningAverageKernel: Kernel<Node<typeof runningAverage>> = {
  run: ({ running, batch, condition }, { attributes: { momentum, correction } }) =>
    isOpen(condition)
      ? tf.add(tf.mul(running!, 1 - momentum), tf.mul(batch!, momentum * correction))
      : tf.clone(running!),
};
