/** Pseudo-random numbers that Python and TypeScript agree on to the last bit (tests/reference/weights.py). */

import { type Shape, size } from "../../src/graph/graph.ts";

/** 32-bit FNV-1a of the name's UTF-8 bytes. */
function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) h = Math.imul(h ^ byte, 0x01000193);
  return h;
}

/** Murmur3's finalizer: every bit of the input flips half of the bits of the output. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** offset + scale u, u uniform in [-1, 1) in steps of 2^-23; computed in float64 and rounded to float32 once. */
export function uniform(name: string, shape: Shape, scale = 1, offset = 0): Float32Array<ArrayBuffer> {
  const seed = seedOf(name);
  const values = new Float32Array(size(shape));
  for (let i = 0; i < values.length; i++) {
    const u = (mix(mix(i) ^ seed) >>> 8) / 2 ** 23 - 1;
    values[i] = offset + scale * u;
  }
  return values;
}
