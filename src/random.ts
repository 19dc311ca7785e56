/** Counter-based random numbers in unsigned 32-bit arithmetic, the same on every device. */

/**
 * Scrambles 32 bits, one to one: two rounds of multiply and xor-shift, with constants found by search for the least bias
 * (Wellons' hash prospector). Takes any number modulo 2^32, returns one in [0, 2^32).
 */
export function mix(bits: number): number {
  let h = bits | 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

/** FNV-1a of a string's UTF-16 code units: a number in [0, 2^32) for a name. */
export function hash(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}
