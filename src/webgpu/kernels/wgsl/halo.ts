/**
 * Returns the input columns that a tile reads of a row, relative to the first. The same function gives the input rows
 * of several output rows.
 */
export function haloColumns(columns: number, kernel: number, stride: number, dilation: number): number[] {
  const halo = new Set<number>();
  for (let t = 0; t < columns; t++) for (let k = 0; k < kernel; k++) halo.add(t * stride + k * dilation);
  return [...halo].sort((a, b) => a - b);
}
