import { tf } from "../../tfjs.ts";
import { compute } from "../tensors/typed_array.ts";

/**
 * The weight of one sample: sum_i kernel[b,i] spatial[b] weight[i]. An attention that is left out counts as 1. `weight`
 * holds n kernels one after the other, each with the shape of the result: [outer, taps, inner].
 *
 * Written in TypeScript, because tfjs's matrix product would keep a second, repacked copy of all weights as long as
 * they exist.
 */
export function mixKernels(
  weight: tf.Tensor,
  shape: readonly [outer: number, taps: number, inner: number],
  b: number,
  kernel?: tf.Tensor,
  spatial?: tf.Tensor,
): tf.Tensor3D {
  const [outer, taps, inner] = shape;
  if (!kernel) {
    const one = tf.reshape<tf.Rank.R3>(weight, [...shape]);
    return spatial ? tf.mul(one, tf.reshape(tf.slice(spatial, [b, 0], [1, taps]), [1, taps, 1])) : one;
  }
  return compute(shape, [weight, kernel, spatial], (out, w, kernel, spatial) => {
    const n = w.length / out.length;
    for (let first = 0; first < n; first += 4) { // four kernels per pass; missing ones are multiplied by 0
      const [p, q, r, s] = [0, 1, 2, 3].map((i) => Math.min(first + i, n - 1) * out.length);
      const [a, c, d, e] = [0, 1, 2, 3].map((i) => first + i < n ? kernel[b * n + first + i] : 0);
      for (let row = 0, i = 0; row < outer * taps; row++) {
        const scale = spatial ? spatial[b * taps + row % taps] : 1;
        const [ta, tc, td, te] = [scale * a, scale * c, scale * d, scale * e];
        for (const end = i + inner; i < end; i++) {
          out[i] += ta * w[p + i] + tc * w[q + i] + td * w[r + i] + te * w[s + i];
        }
      }
    }
  }) as tf.Tensor3D;
}
