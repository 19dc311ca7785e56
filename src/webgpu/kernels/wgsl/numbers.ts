/** Returns WGSL of number `i`, counted from texel `from` of the operand `read`, with four numbers per texel. */
export function numberOf(read: string, from: string, i: number): string {
  return `${read}(${from} + ${i >> 2}u)[${i & 3}]`;
}

/** Returns WGSL of the four channel numbers of a block, a vec4u. `block` must bind as tightly as a product. */
export function channelsOf(block: string): string {
  return `vec4u(${block} * 4u) + vec4u(0u, 1u, 2u, 3u)`;
}
