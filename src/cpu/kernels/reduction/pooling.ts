import type { Node } from "../../../graph/graph.ts";
import type { avgPool2d, globalAvgPool, maxPool2d } from "../../../graph/ops/pooling.ts";
import { addressesOf, emptyTensor, tf, wasmKernels } from "../../tfjs.ts";
import { NUMBER } from "../../wasm/convolution.ts";
import { MEAN_CHANNELS } from "../../wasm/mean.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** The maximum of every window. Padding never is the maximum. */
export const maxPool2dKernel: Kernel<Node<typeof maxPool2d>> = {
  run({ x }, { attributes: { kernelSize, stride, padding: [top, left] } }) {
    const pad: tf.backend_util.ExplicitPadding = [[0, 0], [top, top], [left, left], [0, 0]];
    return tf.maxPool(x as tf.Tensor4D, [...kernelSize], [...stride], pad);
  },
};

/** The mean of every window. tfjs does not count padding, so zeros are added first. */
export const avgPool2dKernel: Kernel<Node<typeof avgPool2d>> = {
  run({ x }, { attributes: { kernelSize, stride, padding: [top, left] } }) {
    const padded = tf.pad(x as tf.Tensor4D, [[0, 0], [top, top], [left, left], [0, 0]]);
    return tf.avgPool(padded, [...kernelSize], [...stride], "valid");
  },
};

/** The mean over height and width. */
export const globalAvgPoolKernel: Kernel<Node<typeof globalAvgPool>> = {
  run({ x }, { output: { shape: [batch, channels] } }) {
    const missing = Math.max(0, MEAN_CHANNELS - channels);
    if (!missing) return means(x!);
    return tf.slice(means(tf.pad(x!, [[0, 0], [0, 0], [0, 0], [0, missing]])), [0, 0], [batch, channels]);
  },
};

/** Means [B, C] of x [B, H, W, C], for at least MEAN_CHANNELS channels. */
function means(x: tf.Tensor): tf.Tensor {
  const [batch, height, width, channels] = x.shape;
  const pixels = height * width;
  const y = emptyTensor([batch, channels]);
  const at = addressesOf({ x, y });
  for (let b = 0; b < batch; b++) {
    for (let next = 0; next < channels; next += MEAN_CHANNELS) {
      const c = Math.min(next, channels - MEAN_CHANNELS); // the last channels may be computed twice
      wasmKernels.mean({
        x: at.x + (b * pixels * channels + c) * NUMBER,
        pitch: channels * NUMBER,
        pixels,
        y: at.y + (b * channels + c) * NUMBER,
        share: 1 / pixels,
      });
    }
  }
  return y;
}
