/**
 * Tensors too large to be kept, compared by their projections on a few random directions.
 *
 * Let d be the difference of two tensors and s a vector of independent signs. (s . d)^2 is |d|^2 on average, so that the
 * root of the mean over K such projections estimates |d|. Its standard deviation is at most |d| / sqrt(2 K), 12.5% for the
 * 32 directions here, and it finds less than half of |d| once in a hundred thousand times or more rarely; a difference in
 * one element is found exactly. Nothing but equal projections gives 0.
 *
 * @module
 */

import { mix, seedOf } from "./random_weights.ts";

/** Number of projections. */
export const PROJECTIONS = 32;

const SEED = seedOf("sketch");

/** The tensor's sums with the signs of each direction: sketch() of tests/reference/write_training_parity_fixtures.py. */
export function sketch(tensor: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(PROJECTIONS);
  for (let i = 0; i < tensor.length; i++) {
    const bits = mix(mix(i) ^ SEED);
    const x = tensor[i];
    for (let j = 0; j < PROJECTIONS; j++) sums[j] += bits >>> j & 1 ? -x : x;
  }
  return sums;
}

/** The estimated L2 norm of the difference of two tensors, from their sketches. */
export function estimateDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let j = 0; j < PROJECTIONS; j++) squares += (a[j] - b[j]) ** 2;
  return Math.sqrt(squares / PROJECTIONS);
}
