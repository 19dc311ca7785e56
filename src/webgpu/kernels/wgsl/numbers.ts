/** WGSL of number `i` of those that `read` has from texel `from` on, four a texel. */
export function numberOf(read: string, from: string, i: number): string {
  return `${read}(${from} + ${i >> 2}u)[${i & 3}]`;
}

/** WGSL of the numbers of a block's four channels, a vec4u; `block` binds as tightly as a product. */
export function channelsOf(block: string): string {
  return `vec4u(${block} * 4u) + vec4u(0u, 1u, 2u, 3u)`;
}
