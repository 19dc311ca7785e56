/** Elementwise operators that are not formulas (see ./formulas.ts). Some have numbers per channel. */

import type { Node } from "../../../graph/graph.ts";
import type { batchNorm } from "../../../graph/ops/batch_norm.ts";
import type { Activation } from "../../../graph/ops/shared.ts";
import { tf } from "../../tfjs.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** Applies the activation of an epilogue. Epilogues occur only at inference. tfjs's relu6 turns NaN into 0. */
export function activate<T extends tf.Tensor>(x: T, activation: Activation): T {
  return ACTIVATIONS[activation](x);
}

const ACTIVATIONS: Readonly<Record<Activation, <T extends tf.Tensor>(x: T) => T>> = {
  none: (x) => x,
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
};

/** x / temperature. The default temperature is 1. */
export function tempered(x: tf.Tensor, temperature: tf.Tensor | undefined): tf.Tensor {
  return temperature ? tf.div(x, temperature) : x;
}

/** [B, C] -> [B, 1, 1, C]: a scale per sample and channel. */
export function perChannel(scale: tf.Tensor): tf.Tensor4D {
  const [batch, channels] = scale.shape;
  return tf.reshape(scale, [batch, 1, 1, channels]);
}

/** 1 / (1 + exp(-x / temperature)). */
export const sigmoidKernel: Kernel = { run: ({ x, temperature }) => tf.sigmoid(tempered(x!, temperature)) };

/** Softmax of x / temperature over the last axis. */
export const softmaxKernel: Kernel = { run: ({ x, temperature }) => tf.softmax(tempered(x!, temperature)) };

/** The identity: dropout has no effect outside training. */
export const dropoutKernel: Kernel = { run: ({ x }) => tf.clone(x!) };

/** weight (x - mean) / sqrt(var + eps) + bias, per channel. */
export const batchNormKernel: Kernel<Node<typeof batchNorm>> = {
  run: ({ x, weight, bias, runningMean, runningVar }, { attributes: { eps } }) =>
    normalize(x!, [runningMean!, runningVar!, bias!, weight!], eps),
};

/** Batch norm with the given mean, variance, bias and weight, each [C]. */
export function normalize(x: tf.Tensor, byChannel: readonly tf.Tensor[], eps: number): tf.Tensor {
  const [mean, variance, bias, weight] = byChannel as tf.Tensor1D[];
  return tf.batchNorm(x, mean, variance, bias, weight, eps);
}
