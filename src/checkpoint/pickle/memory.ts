/**
 * Limits the memory of a pickle's objects. One byte of a pickle can make an object of 200 bytes, so the pickle's length
 * alone is no limit.
 *
 * @module
 */

/**
 * Upper bounds of the bytes that V8 allocates while an opcode makes something. A slot is copied when a stack or list
 * grows. The cost of an entry keeps every Map below V8's limit of 2^24 entries.
 */
export const COST = { slot: 32, list: 48, dict: 200, entry: 64, object: 200 } as const;

/**
 * The allowance of every pickle, the addition for every byte read, and the maximum, which fits into a heap. Histories
 * and settings next to the weights take up to 30 bytes per byte.
 */
const FREE = 64e6, PER_BYTE = 64, MOST = 1e9;

/** Returns how many bytes, counted by COST, objects may take after `length` bytes of a pickle. */
export function allowance(length: number): number {
  return Math.min(FREE + PER_BYTE * length, MOST);
}
