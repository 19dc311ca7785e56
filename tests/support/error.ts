/** Returns the largest difference, relative to the largest expected magnitude. */
export function relativeError(actual: Float32Array, expected: Float32Array | Float64Array): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} numbers, expected ${expected.length}`);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(actual[i] - expected[i]);
    if (Number.isNaN(d)) return Infinity;
    difference = Math.max(difference, d);
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference / (largest || 1);
}
