/**
 * Sums, computed in float64. Over a million pixels float32 would lose half of its digits. Channels are the last axis
 * here.
 */

import type { Node } from "../../../graph/graph.ts";
import type { sumSquares } from "../../../graph/ops/optimizer_step.ts";
import type {
  channelSum,
  channelVariance,
  fill,
  pixelSum,
  scale,
  sum,
  sumProducts,
  total,
} from "../../../graph/ops/reductions.ts";
import { tf } from "../../tfjs.ts";
import { deviceShape } from "../tensors/device_shape.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { compute } from "../tensors/typed_array.ts";

/** scale * the sum over all axes except the channels. */
export const channelSumKernel: Kernel<Node<typeof channelSum>> = {
  run: ({ x }, { output: { shape }, attributes: { scale } }) =>
    compute(shape, [x!], (out, x) => {
      const sums = new Float64Array(out.length);
      for (let i = 0; i < x.length;) for (let c = 0; c < sums.length; c++, i++) sums[c] += x[i];
      for (let c = 0; c < sums.length; c++) out[c] = scale * sums[c];
    }),
};

/** The biased variance, per channel. */
export const channelVarianceKernel: Kernel<Node<typeof channelVariance>> = {
  run: ({ x, mean }, { output: { shape } }) =>
    compute(shape, [x!, mean!], (out, x, mean) => {
      const sums = new Float64Array(out.length);
      for (let i = 0; i < x.length;) for (let c = 0; c < sums.length; c++, i++) sums[c] += (x[i] - mean[c]) ** 2;
      for (let c = 0; c < sums.length; c++) out[c] = sums[c] * sums.length / x.length;
    }),
};

/** The sum over the pixels, per sample and channel. */
export const pixelSumKernel: Kernel<Node<typeof pixelSum>> = {
  run: ({ x }, { output: { shape: [batch, channels] } }) =>
    compute([batch, channels], [x!], (out, x) => {
      const sums = new Float64Array(channels), each = x.length / batch;
      for (let b = 0, i = 0; b < batch; b++) {
        sums.fill(0);
        for (const end = i + each; i < end;) for (let c = 0; c < channels; c++, i++) sums[c] += x[i];
        out.set(sums, b * channels);
      }
    }),
};

/** The sum of a * b, per channel, or per sample and channel. */
export const sumProductsKernel: Kernel<Node<typeof sumProducts>> = {
  run: ({ a, b }, { output: { shape } }) =>
    compute(shape, [a!, b!], (out, a, b) => {
      const channels = shape[shape.length - 1];
      const rows = a.length / out.length; // rows of channels that are summed together
      const sums = new Float64Array(channels);
      for (let i = 0, at = 0; at < out.length; at += channels) {
        sums.fill(0);
        for (let row = 0; row < rows; row++) for (let c = 0; c < channels; c++, i++) sums[c] += a[i] * b[i];
        out.set(sums, at);
      }
    }),
};

/** scale * the sum of all elements. */
export const sumKernel: Kernel<Node<typeof sum>> = {
  run: ({ x }, { output: { shape }, attributes: { scale } }) =>
    compute(shape, [x!], (out, x) => {
      let sum = 0;
      for (let i = 0; i < x.length; i++) sum += x[i];
      out[0] = scale * sum;
    }),
};

/** The sum of all elements of all operands. */
export const totalKernel: Kernel<Node<typeof total>> = {
  run: (operands, { output: { shape } }) =>
    compute(shape, Object.values(operands), (out, ...all) => {
      let sum = 0;
      for (const x of all) for (let i = 0; i < x!.length; i++) sum += x![i];
      out[0] = sum;
    }),
};

/** The sum of the squares of all elements. */
export const sumSquaresKernel: Kernel<Node<typeof sumSquares>> = {
  run: ({ x }, { output: { shape } }) =>
    compute(shape, [x!], (out, x) => {
      let sum = 0;
      for (let i = 0; i < x.length; i++) sum += x[i] * x[i];
      out[0] = sum;
    }),
};

/** All elements are scale * value. */
export const fillKernel: Kernel<Node<typeof fill>> = {
  run: ({ value }, { output: { shape }, attributes: { scale } }) => tf.mul(tf.fill(deviceShape(shape), scale), value!),
};

/** factor * x. */
export const scaleKernel: Kernel<Node<typeof scale>> = { run: ({ x, factor }) => tf.mul(x!, factor!) };
