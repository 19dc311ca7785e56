import type { Node } from "../../graph/graph.ts";
import type { dynamicConv2d } from "../../graph/ops/dynamic_conv2d.ts";
import { tf } from "../tfjs.ts";
import { convolve, filterBanks, onlyFilter } from "./convolution.ts";
import { activate, perChannel } from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import { mixKernels } from "./mix_kernels.ts";

/**
 * ODConv. The channel attention scales x and the filter attention scales y; where that is all, the whole batch shares
 * one convolution. Kernel and spatial attention need a weight per sample: it is mixed, used and freed before the
 * next sample's.
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

/** The filter of sample b. */
function mixed(bank: tf.Tensor5D, b: number, kernel?: tf.Tensor, spatial?: tf.Tensor): tf.Tensor4D {
  const [, kh, kw, cin, cout] = bank.shape;
  return tf.reshape(mixKernels(bank, [1, kh * kw, cin * cout], b, kernel, spatial), [kh, kw, cin, cout]);
}
