/** WGSL of number `i` of those that `read` has from texel `from` on, four a texel. */
export function numberOf(read: string, from: string, i: number): string {
  return `${read}(${from} + ${i >> 2}u)[${i & 3}]`;
}
