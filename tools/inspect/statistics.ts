/** Summarizes a layer's output in a few numbers. */

/** Statistics of one tensor. */
export interface Statistics {
  readonly mean: number;
  /** Population standard deviation (the sum is divided by the count). */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Share of numbers that are exactly 0. */
  readonly zeros: number;
  /** Number of elements in each of the equal bins from min to max. */
  readonly counts: readonly number[];
}

const BINS = 30;

/**
 * Computes the statistics of a tensor. Sums are in float64. Deviations are from the mean, so that there is no
 * cancellation.
 */
export function statisticsOf(values: Float32Array): Statistics {
  let min = Infinity, max = -Infinity, sum = 0, zeros = 0;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) zeros++;
    sum += value;
  }
  const mean = sum / values.length;
  let squares = 0;
  const counts = Array<number>(BINS).fill(0);
  for (const value of values) {
    squares += (value - mean) ** 2;
    const bin = Math.floor((value - min) / (max - min) * BINS);
    counts[bin >= 0 ? Math.min(bin, BINS - 1) : 0]++;
  }
  return { mean, std: Math.sqrt(squares / values.length), min, max, zeros: zeros / values.length, counts };
}
