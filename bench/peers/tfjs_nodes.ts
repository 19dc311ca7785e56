/**
 * The operators of static networks, as a user of TensorFlow.js would write them. Images are [B, H, W, C]. Bias and
 * activation are part of the fused convolution of tfjs.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- a bench's peers are named where they are used
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Node } from "../../src/graph/graph.ts";
import type { batchNorm } from "../../src/graph/ops/batch_norm.ts";
import type { conv2d } from "../../src/graph/ops/conv2d.ts";
import type { padChannels } from "../../src/graph/ops/layout.ts";
import type { linear } from "../../src/graph/ops/linear.ts";
import type { Activation, Pair, PoolAttributes } from "../../src/graph/ops/shared.ts";

/** A node's operands by name. Absent operands are absent. */
export type Tensors = Readonly<Record<string, tf.Tensor>>;

/** Computes a node. */
// deno-lint-ignore no-explicit-any -- every rule takes nodes of its own operator
export type Rule = (operands: any, node: any) => tf.Tensor;

const ACTIVATIONS = { none: (x: tf.Tensor) => x, relu: tf.relu, relu6: tf.relu6 } as const;
const FUSED = { none: "linear", relu: "relu", relu6: "relu6" } as const;

const activate = (x: tf.Tensor, activation: Activation) => ACTIVATIONS[activation](x);

function pads([top, left]: Pair): tf.backend_util.ExplicitPadding {
  return [[0, 0], [top, top], [left, left], [0, 0]];
}

/** The rules by operator name. */
export const RULES: Readonly<Record<string, Rule>> = {
  conv2d({ x, weight, bias, residual }: Tensors, { operands, attributes }: Node<typeof conv2d>) {
    const { stride, padding, groups, activation } = attributes;
    const depthwise = groups > 1 && groups === operands.x.shape[1];
    const options = {
      x: x as tf.Tensor4D,
      filter: weight as tf.Tensor4D,
      strides: [...stride] as [number, number],
      pad: pads(padding),
      bias,
      activation: residual ? FUSED.none : FUSED[activation],
    };
    // Explicit padding works here as in conv2d, but the type does not allow it.
    const y = depthwise
      ? tf.fused.depthwiseConv2d({ ...options, pad: options.pad as unknown as number })
      : tf.fused.conv2d(options);
    return residual ? activate(tf.add(y, residual), activation) : y;
  },
  /** Uses the batch's own statistics, as in training. Folded networks have no batch norm. */
  batch_norm({ x, weight, bias }: Tensors, { attributes: { eps } }: Node<typeof batchNorm>) {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm(
      x as tf.Tensor4D,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      bias as tf.Tensor1D,
      weight as tf.Tensor1D,
      eps,
    );
  },
  relu: ({ x }: Tensors) => tf.relu(x),
  relu6: ({ x }: Tensors) => tf.relu6(x),
  add: ({ a, b }: Tensors) => tf.add(a, b),
  dropout: ({ x }: Tensors) => x,
  max_pool2d: ({ x }: Tensors, { attributes }: { attributes: PoolAttributes }) =>
    tf.maxPool(x as tf.Tensor4D, [...attributes.kernelSize], [...attributes.stride], pads(attributes.padding)),
  avg_pool2d: ({ x }: Tensors, { attributes }: { attributes: PoolAttributes }) =>
    tf.avgPool(x as tf.Tensor4D, [...attributes.kernelSize], [...attributes.stride], pads(attributes.padding)),
  global_avg_pool: ({ x }: Tensors) => tf.mean(x, [1, 2]),
  pad_channels: ({ x }: Tensors, { attributes: { before, after } }: Node<typeof padChannels>) =>
    tf.pad(x, [[0, 0], [0, 0], [0, 0], [before, after]]),
  linear({ x, weight, bias }: Tensors, { attributes: { activation } }: Node<typeof linear>) {
    const y = tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D, false, true);
    return activate(bias ? tf.add(y, bias) : y, activation as Activation);
  },
};
