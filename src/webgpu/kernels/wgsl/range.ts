/** Returns 0, 1, ... below n. WGSL templates unroll loops with it. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
