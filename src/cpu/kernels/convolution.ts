/**
 * conv2d, and the convolution that dynamic_conv2d shares with it.
 *
 * tfjs has no grouped convolution, so x and the weight are cut into groups, and none that is strided and dilated at
 * once, so that one runs with stride 1 and drops rows and columns. Depthwise convolution is native.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";
import type { conv2d } from "../../graph/ops/conv2d.ts";
import type { Activation, WindowAttributes } from "../../graph/ops/shared.ts";
import { tf } from "../tfjs.ts";
import { activate } from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import { transposeMatrices } from "./transpose.ts";

/** tfjs's names of the activations. */
const TFJS_ACTIVATION = { none: "linear", relu: "relu", relu6: "relu6" } as const;

/** y = activation(x * weight + bias + residual). */
export const conv2dKernel: Kernel<Node<typeof conv2d>> = {
  prepare: (weight, { operands, attributes }) =>
    filterBanks(tf.expandDims(weight), operands.x.shape[1], attributes.groups).map(onlyFilter),
  run({ x, bias, residual }, { attributes }, weights) {
    const activation = residual ? "none" : attributes.activation;
    const y = convolve(x as tf.Tensor4D, weights as tf.Tensor4D[], attributes, bias, activation);
    return residual ? activate(tf.add(y, residual), attributes.activation) : y;
  },
};

/** True where every input channel is a group of its own, which tfjs convolves natively. */
export function isDepthwise(cin: number, groups: number): boolean {
  return groups === cin && groups > 1;
}

/**
 * A weight [n, Cout, kh, kw, Cin/groups] as n of tfjs's filters a group: [n, kh, kw, Cin/groups, Cout/groups]. Where
 * depthwise, one bank for all groups: [n, kh, kw, Cin, Cout/Cin].
 */
export function filterBanks(weight: tf.Tensor, cin: number, groups: number): tf.Tensor5D[] {
  const [n, cout, kh, kw, inputs] = weight.shape;
  const depthwise = isDepthwise(cin, groups);
  return tf.split(weight, depthwise ? 1 : groups, 1).map((part) => {
    const [a, b] = depthwise ? [cin, cout / cin] : [inputs, cout / groups];
    return tf.reshape(transposeMatrices(part, part.shape[1]!, kh * kw * inputs), [n, kh, kw, a, b]);
  });
}

/** The one filter of a bank of one. */
export function onlyFilter(bank: tf.Tensor5D): tf.Tensor4D {
  return tf.squeeze(bank, [0]);
}

/** activation(x convolved with the filters + bias); x [B, H, W, Cin]. */
export function convolve(
  x: tf.Tensor4D,
  filters: readonly tf.Tensor4D[],
  attributes: WindowAttributes & { readonly groups: number },
  bias?: tf.Tensor,
  activation: Activation = "none",
): tf.Tensor4D {
  const { stride, dilation, padding: [top, left], groups } = attributes;
  const dilated = Math.max(...dilation) > 1;
  if (dilated && Math.max(...stride) > 1) {
    const dense = convolve(x, filters, { ...attributes, stride: [1, 1] }, bias, activation);
    return tf.stridedSlice(dense, [0, 0, 0, 0], dense.shape, [1, ...stride, 1]) as tf.Tensor4D;
  }
  const options = {
    strides: [...stride] as [number, number],
    dilations: [...dilation] as [number, number],
    pad: [[0, 0], [top, top], [left, left], [0, 0]] as tf.backend_util.ExplicitPadding,
    activation: TFJS_ACTIVATION[activation],
  };
  if (isDepthwise(x.shape[3], groups)) {
    // Explicit padding works here as in conv2d; only its type was left out.
    const pad = options.pad as unknown as number;
    return tf.fused.depthwiseConv2d({ ...options, pad, x, filter: filters[0], bias });
  }
  if (groups === 1) return tf.fused.conv2d<tf.Tensor4D>({ ...options, x, filter: filters[0], bias });
  const biases = bias ? tf.split(bias, groups) : [];
  const parts = tf.split<tf.Tensor4D>(x, groups, 3).map((part, g) => {
    return tf.fused.conv2d<tf.Tensor4D>({ ...options, x: part, filter: filters[g], bias: biases[g] });
  });
  return tf.concat(parts, 3);
}
