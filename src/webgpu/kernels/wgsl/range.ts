/** 0, 1, ... below n: what templates of WGSL unroll over. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
