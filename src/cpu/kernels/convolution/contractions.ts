/**
 * The two products in the backward pass of a convolution, over one or several images with one weight:
 *
 *     weightProduct  R[t,i,o]  = sum over images and pixels p of gradient[p,o] x[q(p,t),i]
 *     inputProduct   dx[q,i]   = sum over o, t of weight[o,t,i] gradient[p(q,t),o]
 *
 * i is counted within o's group. tfjs has these products only for the simplest convolutions, so they are computed as
 * matrix products with patches (im2col). For one channel per group, where there is no matrix product, see
 * ./depthwise_contractions.ts.
 *
 * @module
 */

import { tf } from "../../tfjs.ts";
import type { Contraction } from "./contraction.ts";
import { depthwiseInputProduct, depthwiseWeightProduct } from "./depthwise_contractions.ts";
import { inChains, matrixProduct, PRODUCTS, someRows, sumOf } from "../linear/matrix_product.ts";
import { type ChannelRange, gatherPatches, scatterPatches } from "../tensors/taps.ts";
import { compute } from "../tensors/typed_array.ts";

/**
 * R [taps, Cin/groups, Cout]; x [S, H, W, Cin] and gradient [S, H', W', Cout]. Output channels come last because tfjs
 * repacks the second operand of a product, which should therefore be the smaller one.
 */
export function weightProduct(x: tf.Tensor, gradient: tf.Tensor, c: Contraction): tf.Tensor {
  if (isDepthwise(c)) return depthwiseWeightProduct(x, gradient, c);
  const parts = split(gradient, c).map((part, group) => {
    const [rows] = part.shape;
    return sumOf(
      Array.from({ length: Math.ceil(rows / PRODUCTS) }, (_, i) => () => {
        const first = i * PRODUCTS, count = Math.min(PRODUCTS, rows - first);
        return tf.tidy(() => tf.matMul(patches(x, c, group, first, count), someRows(part, first, count)));
      }),
    );
  });
  return tf.reshape(tf.concat(parts, 1), [c.taps, c.cin / c.groups, c.cout]);
}

/** dx [S, H, W, Cin]; gradient [S, H', W', Cout] and weight [Cout, taps, Cin/groups]. */
export function inputProduct(gradient: tf.Tensor, weight: tf.Tensor, c: Contraction): tf.Tensor {
  if (isDepthwise(c)) return depthwiseInputProduct(gradient, weight, c);
  const { table, window: { inputSize: [height, width] }, taps, pixels } = c;
  const weights = tf.split(tf.reshape<tf.Rank.R2>(weight, [c.cout, -1]), c.groups);
  const parts = split(gradient, c).map((part, group) => matrixProduct(part, inChains(weights[group] as tf.Tensor2D)));
  const shape = [gradient.shape[0], c.cin, height, width];
  if (isPointwise(c)) return tf.reshape(parts[0], gradient.shape.slice(0, -1).concat(c.cin));
  return compute(shape, parts, (dx, ...parts) => {
    const size = height * width * c.cin, patchSize = pixels * taps * c.cin / c.groups;
    parts.forEach((part, group) => {
      for (let s = 0; s < shape[0]; s++) {
        const patches = part.subarray(s * patchSize, (s + 1) * patchSize);
        scatterPatches(patches, dx.subarray(s * size, (s + 1) * size), table, channelsOf(group, c));
      }
    });
  });
}

/** Splits the gradient by group, [S pixels, Cout/groups] each. */
function split(gradient: tf.Tensor, { groups, cout }: Contraction): tf.Tensor2D[] {
  return tf.split(tf.reshape<tf.Rank.R2>(gradient, [-1, cout]), groups, 1);
}

/**
 * Returns the values that a group's taps read for `count` pixels of all images, starting with `first`:
 * [taps Cin/groups, count].
 */
function patches(x: tf.Tensor, c: Contraction, group: number, first: number, count: number): tf.Tensor2D {
  const { table, window: { inputSize }, taps } = c;
  const range = channelsOf(group, c);
  return compute([taps * range.count, count], [x], (patches, x) => {
    gatherPatches(x, patches, table, taps, inputSize[0] * inputSize[1] * c.cin, range, first);
  }) as tf.Tensor2D;
}

function channelsOf(group: number, { cin, groups }: Contraction): ChannelRange {
  return { channels: cin, first: group * cin / groups, count: cin / groups };
}

/** Returns true if every input channel is a group of its own. */
function isDepthwise({ cin, groups }: Contraction): boolean {
  return groups === cin && groups > 1;
}

/** Returns true if every output pixel reads only its own pixel. The image then equals its patches. */
function isPointwise({ window: { stride, padding }, groups, taps }: Contraction): boolean {
  return taps === 1 && groups === 1 && Math.max(...stride) === 1 && Math.max(...padding) === 0;
}
