/** Repeats a tensor along axes of one element, and computes sums and maxima over such axes. */

import type { Node } from "../../../graph/graph.ts";
import type { expand, maxToSize, maxToSizeGrad, sumToSize } from "../../../graph/ops/broadcast.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { copyStrided, eachRow, inner, repeatedStrides } from "../tensors/strides.ts";
import { compute } from "../tensors/typed_array.ts";

/** scale * x, repeated. */
export const expandKernel: Kernel<Node<typeof expand>> = {
  run: ({ x }, { operands, output: { shape }, attributes: { scale } }) =>
    compute(shape, [x!], (out, x) => {
      copyStrided(shape, repeatedStrides(operands.x.shape), x, out);
      if (scale !== 1) { for (let i = 0; i < out.length; i++) out[i] *= scale; }
    }),
};

/** scale * the sums, in float64. */
export const sumToSizeKernel: Kernel<Node<typeof sumToSize>> = {
  run: ({ x }, { operands, output: { shape }, attributes: { scale } }) =>
    compute(shape, [x!], (out, x) => {
      const sums = new Float64Array(out.length);
      const strides = repeatedStrides(shape);
      const { length, stride } = inner(operands.x.shape, strides);
      eachRow(operands.x.shape, strides, (at, to) => {
        for (let i = 0; i < length; i++) sums[to + i * stride] += x[at + i];
      });
      for (let i = 0; i < out.length; i++) out[i] = scale * sums[i];
    }),
};

/** The maxima. NaN counts as larger than any number. */
export const maxToSizeKernel: Kernel<Node<typeof maxToSize>> = {
  run: ({ x }, { operands, output: { shape } }) =>
    compute(shape, [x!], (out, x) => {
      out.fill(-Infinity);
      const strides = repeatedStrides(shape);
      const { length, stride } = inner(operands.x.shape, strides);
      eachRow(operands.x.shape, strides, (at, to) => {
        for (let i = 0; i < length; i++) out[to + i * stride] = Math.max(out[to + i * stride], x[at + i]);
      });
    }),
};

/**
 * The gradient of a maximum goes to its first largest element, in the graph's order, in which channels come before
 * pixels.
 */
export const maxToSizeGradKernel: Kernel<Node<typeof maxToSizeGrad>> = {
  run: ({ x, gradient }, { operands, output: { shape } }) =>
    compute(shape, [x!, gradient!], (out, x, gradient) => {
      const winners = new Int32Array(gradient.length).fill(-1);
      const ranks = new Int32Array(gradient.length);
      const strides = repeatedStrides(operands.gradient.shape);
      const { length, stride } = inner(shape, strides);
      const rankOf = rowMajor(shape);
      eachRow(shape, strides, (at, to) => {
        for (let i = 0; i < length; i++) {
          const [place, rank] = [to + i * stride, rankOf(at + i)];
          const best = winners[place];
          const wins = best < 0 || x[at + i] > x[best] || (Number.isNaN(x[at + i]) && !Number.isNaN(x[best])) ||
            (rank < ranks[place] && Object.is(x[at + i], x[best]));
          if (!wins) continue;
          winners[place] = at + i;
          ranks[place] = rank;
        }
      });
      winners.forEach((winner, place) => out[winner] += gradient[place]);
    }),
};

/** Returns a function from an element's index on this device to its row-major index in the graph. */
function rowMajor(shape: readonly number[]): (place: number) => number {
  if (shape.length < 4) return (place) => place;
  const [channels, height, width] = shape.slice(-3);
  const pixels = height * width;
  return (place) => {
    const image = Math.floor(place / (channels * pixels));
    const within = place - image * channels * pixels;
    return image * channels * pixels + (within % channels) * pixels + Math.floor(within / channels);
  };
}
