/**
 * Some samples at a time, where what they need together would take too much memory.
 *
 * @module
 */

/** Most bytes of a tensor that lives only within a convolution: mixed kernels, transformed inputs. */
export const MOST_CHUNK_BYTES = 2 ** 25;

/** Ranges [first, end) of at most so many samples, at least one, that cover a batch about evenly. */
export function* inChunks(batch: number, most: number): Generator<readonly [number, number]> {
  const chunks = Math.ceil(batch / Math.max(1, Math.floor(most)));
  const chunk = Math.ceil(batch / chunks);
  for (let first = 0; first < batch; first += chunk) yield [first, Math.min(batch, first + chunk)];
}
