/**
 * How much memory a pickle's objects may take. A byte of a pickle can make an object of 200 bytes, so that its length alone
 * bounds nothing.
 *
 * @module
 */

/**
 * Bytes that V8 takes for what opcodes make while they make it, rounded up: a slot is copied when a stack or list grows. An
 * entry takes as many as keep every Map below the 2^24 entries that V8 allows.
 */
export const COST = { slot: 32, list: 48, dict: 200, entry: 64, object: 200 } as const;

/**
 * Some for every pickle, more for every byte that was read of it, and never more than a heap has. Histories and settings
 * beside the weights take up to 30 a byte.
 */
const FREE = 64e6, PER_BYTE = 64, MOST = 1e9;

/** Bytes that objects may take by COST once `length` bytes of a pickle are read. */
export function allowance(length: number): number {
  return Math.min(FREE + PER_BYTE * length, MOST);
}
