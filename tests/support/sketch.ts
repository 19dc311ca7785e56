/**
 * Compares tensors that are too large to store by their projections on a few random directions.
 *
 * Let d be the difference of two tensors and s a vector of independent signs. The mean of (s . d)^2 is |d|^2, so the
 * root of the mean over K projections estimates |d|. Its standard deviation is at most |d| / sqrt(2 K), which is 12.5%
 * for the 32 directions here. The probability that it is below half of |d| is at most about 1 in 100,000. A difference
 * in one element is found exactly. Only equal projections give 0.
 *
 * @module
 */

import { mix, seedOf } from "./random_weights.ts";

/** Number of projections. */
export const PROJECTIONS = 32;

const SEED = seedOf("sketch");

/**
 * Returns the sums of the tensor with the signs of each direction: sketch() in
 * tests/reference/write_training_parity_fixtures.py.
 */
export function sketch(tensor: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(PROJECTIONS);
  for (let i = 0; i < tensor.length; i++) {
    const bits = mix(mix(i) ^ SEED);
    const x = tensor[i];
    for (let j = 0; j < PROJECTIONS; j++) sums[j] += bits >>> j & 1 ? -x : x;
  }
  return sums;
}

/** Estimates the L2 norm of the difference of two tensors from their sketches. */
export function estimateDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let j = 0; j < PROJECTIONS; j++) squares += (a[j] - b[j]) ** 2;
  return Math.sqrt(squares / PROJECTIONS);
}
