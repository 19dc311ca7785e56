/** The products of ./contractions.ts if every input channel is a group of its own, with Cout/Cin outputs each. */

import type { tf } from "../../tfjs.ts";
import type { Contraction } from "./contraction.ts";
import { transposeMatrices } from "../layout/transpose.ts";
import { compute } from "../tensors/typed_array.ts";

/** R [taps, 1, Cout]. */
export function depthwiseWeightProduct(x: tf.Tensor, gradient: tf.Tensor, c: Contraction): tf.Tensor {
  const { cout, taps } = c;
  return compute([taps, 1, cout], [x, gradient], (out, x, gradient) => {
    const sums = new Float64Array(taps * cout);
    visitPixels(c, x.length, (from, to, tap) => {
      for (let o = 0; o < cout; o++) sums[tap * cout + o] += gradient[to + o] * x[from + channelOf(o, c)];
    });
    out.set(sums);
  });
}

/** dx [S, H, W, Cin]; weight [Cout, taps, 1]. */
export function depthwiseInputProduct(gradient: tf.Tensor, weight: tf.Tensor, c: Contraction): tf.Tensor {
  const { cin, cout, taps, window: { inputSize } } = c;
  const byTap = transposeMatrices(weight, cout, taps); // makes the inner loop read neighbouring elements
  return compute([gradient.shape[0], cin, ...inputSize], [gradient, byTap], (dx, gradient, weight) => {
    visitPixels(c, dx.length, (from, to, tap) => {
      for (let o = 0; o < cout; o++) dx[from + channelOf(o, c)] += gradient[to + o] * weight[tap * cout + o];
    });
  });
}

/** Returns the input channel of an output channel. */
function channelOf(o: number, { cin, cout }: Contraction): number {
  return cin === cout ? o : Math.floor(o * cin / cout);
}

/**
 * Visits every output pixel and tap that reads a pixel, with the index of the first channel that is read and of the
 * first that is written.
 */
function visitPixels(
  { table, taps, pixels, cin, cout, window: { inputSize: [height, width] } }: Contraction,
  elements: number,
  visit: (from: number, to: number, tap: number) => void,
): void {
  const images = elements / (height * width * cin);
  for (let s = 0; s < images; s++) {
    for (let p = 0; p < pixels; p++) {
      for (let tap = 0; tap < taps; tap++) {
        const pixel = table[p * taps + tap];
        if (pixel >= 0) visit((s * height * width + pixel) * cin, (s * pixels + p) * cout, tap);
      }
    }
  }
}
