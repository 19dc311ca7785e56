/** Operators beside the formulas of ./formulas.ts that work element by element, some with numbers by channel. */

import type { Node } from "../../graph/graph.ts";
import type { batchNorm } from "../../graph/ops/batch_norm.ts";
import type { Activation } from "../../graph/ops/shared.ts";
import { tf } from "../tfjs.ts";
import type { Kernel } from "./kernel.ts";

/** The activation of an epilogue, which only inference has: tfjs's relu6 makes 0 of what is no number. */
export function activate<T extends tf.Tensor>(x: T, activation: Activation): T {
  return ACTIVATIONS[activation](x);
}

const ACTIVATIONS: Readonly<Record<Activation, <T extends tf.Tensor>(x: T) => T>> = {
  none: (x) => x,
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
};

/** x / temperature, of which 1 is the default. */
export function tempered(x: tf.Tensor, temperature: tf.Tensor | undefined): tf.Tensor {
  return temperature ? tf.div(x, temperature) : x;
}

/** [B, C] -> [B, 1, 1, C]: a scale of images by sample and channel. */
export function perChannel(scale: tf.Tensor): tf.Tensor4D {
  const [batch, channels] = scale.shape;
  return tf.reshape(scale, [batch, 1, 1, channels]);
}

/** 1 / (1 + exp(-x / temperature)). */
export const sigmoidKernel: Kernel = { run: ({ x, temperature }) => tf.sigmoid(tempered(x!, temperature)) };

/** Softmax of x / temperature over the last axis. */
export const softmaxKernel: Kernel = { run: ({ x, temperature }) => tf.softmax(tempered(x!, temperature)) };

/** The identity: dropout does nothing outside training. */
export const dropoutKernel: Kernel = { run: ({ x }) => tf.clone(x!) };

/** weight (x - mean) / sqrt(var + eps) + bias by channel. */
export const batchNormKernel: Kernel<Node<typeof batchNorm>> = {
  run: ({ x, weight, bias, runningMean, runningVar }, { attributes: { eps } }) =>
    normalize(x!, [runningMean!, runningVar!, bias!, weight!], eps),
};

/** Batch norm with these mean, variance, bias and weight, all [C]. */
export function normalize(x: tf.Tensor, byChannel: readonly tf.Tensor[], eps: number): tf.Tensor {
  const [mean, variance, bias, weight] = byChannel as tf.Tensor1D[];
  return tf.batchNorm(x, mean, variance, bias, weight, eps);
}
