/**
 * Some samples at a time, where what they need together would take too much memory.
 *
 * @module
 */

/** Most bytes of a tensor that lives only within a convolution: mixed kernels, transformed inputs. */
export const MOST_CHUNK_BYTES = 2 ** 25;

/** Ranges [first, end) of at most so many samples that cover a batch. */
export function* inChunks(batch: number, most: number): Generator<readonly [number, number]> {
  const chunk = Math.min(batch, Math.max(1, Math.floor(most)));
  for (let first = 0; first < batch; first += chunk) yield [first, Math.min(batch, first + chunk)];
}
