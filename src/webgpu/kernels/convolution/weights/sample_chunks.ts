/**
 * Splits a batch into chunks of samples, if all samples together would need too much memory.
 *
 * @module
 */

/** Most bytes of a tensor that exists only within a convolution: mixed kernels, transformed inputs. */
export const MOST_CHUNK_BYTES = 2 ** 25;

/** Yields ranges [first, end) that split a batch about evenly. Each has at most `most` samples, and at least one. */
export function* inChunks(batch: number, most: number): Generator<readonly [number, number]> {
  const chunks = Math.ceil(batch / Math.max(1, Math.floor(most)));
  const chunk = Math.ceil(batch / chunks);
  for (let first = 0; first < batch; first += chunk) yield [first, Math.min(batch, first + chunk)];
}
