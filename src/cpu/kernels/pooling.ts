import type { Node } from "../../graph/graph.ts";
import type { avgPool2d, globalAvgPool, maxPool2d } from "../../graph/ops/pooling.ts";
import { tf } from "../tfjs.ts";
import type { Kernel } from "./kernel.ts";

/** The maximum of every window; padding never wins. */
export const maxPool2dKernel: Kernel<Node<typeof maxPool2d>> = {
  run({ x }, { attributes: { kernelSize, stride, padding: [top, left] } }) {
    const pad: tf.backend_util.ExplicitPadding = [[0, 0], [top, top], [left, left], [0, 0]];
    return tf.maxPool(x as tf.Tensor4D, [...kernelSize], [...stride], pad);
  },
};

/** The mean of every window. tfjs leaves padding out of the count, so zeros are put there first. */
export const avgPool2dKernel: Kernel<Node<typeof avgPool2d>> = {
  run({ x }, { attributes: { kernelSize, stride, padding: [top, left] } }) {
    const padded = tf.pad(x as tf.Tensor4D, [[0, 0], [top, top], [left, left], [0, 0]]);
    return tf.avgPool(padded, [...kernelSize], [...stride], "valid");
  },
};

/** Mean over height and width, as one window: faster than tfjs's mean, which transposes first. */
export const globalAvgPoolKernel: Kernel<Node<typeof globalAvgPool>> = {
  run({ x }, { output }) {
    const [, h, w] = x!.shape;
    return tf.reshape(tf.avgPool(x as tf.Tensor4D, [h, w], 1, "valid"), [...output.shape]);
  },
};
