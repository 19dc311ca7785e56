import type { Node } from "../../graph/graph.ts";
import type { dynamicConv2d } from "../../graph/ops/dynamic_conv2d.ts";
import { tf } from "../tfjs.ts";
import { convolve, filterBanks, onlyFilter } from "./convolution.ts";
import { activate, perChannel } from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";

/**
 * ODConv. The channel attention scales x and the filter attention scales y; where that is all, the whole batch shares
 * one convolution. Kernel and spatial attention need a weight per sample: it is mixed by a matrix product, used and
 * freed before the next sample's.
 */
export const dynamicConv2dKernel: Kernel<Node<typeof dynamicConv2d>> = {
  prepare: (weight, { operands, attributes }) => filterBanks(weight, operands.x.shape[1], attributes.groups),

  run({ x, channel, filter, spatial, kernel, bias, residual }, { attributes }, weights) {
    const banks = weights as tf.Tensor5D[];
    const scaled = (channel ? tf.mul(x!, perChannel(channel)) : x) as tf.Tensor4D;
    let y = kernel || spatial
      ? tf.concat(
        tf.split<tf.Tensor4D>(scaled, scaled.shape[0]).map((sample, b) =>
          tf.tidy(() => convolve(sample, banks.map((bank) => mixed(bank, b, kernel, spatial)), attributes))
        ),
      )
      : convolve(scaled, banks.map(onlyFilter), attributes);
    if (filter) y = tf.mul(y, perChannel(filter));
    if (bias) y = tf.add(y, bias);
    if (residual) y = tf.add(y, residual);
    return activate(y, attributes.activation);
  },
};

/** The filter of sample b: sum_i kernel[b, i] spatial[b] bank[i]. */
function mixed(bank: tf.Tensor5D, b: number, kernel?: tf.Tensor, spatial?: tf.Tensor): tf.Tensor4D {
  const [n, kh, kw, cin, cout] = bank.shape;
  const flat = tf.reshape(bank, [n, kh * kw * cin * cout]);
  const mix = kernel ? tf.matMul(tf.slice(kernel as tf.Tensor2D, [b, 0], [1, n]), flat) : flat;
  const filter: tf.Tensor4D = tf.reshape(mix, [kh, kw, cin, cout]);
  return spatial
    ? tf.mul(filter, tf.reshape(tf.slice(spatial as tf.Tensor2D, [b, 0], [1, kh * kw]), [kh, kw, 1, 1]))
    : filter;
}
