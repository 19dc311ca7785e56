/**
 * Some samples at a time, where what they need together would take too much memory.
 *
 * @module
 */

/** Most bytes of a tensor that lives only within a convolution: mixed kernels, transformed inputs. */
export const MOST_CHUNK_BYTES = 2 ** 25;

/** Ranges [first, end) of at most so many samples that cover a batch. */
export function inChunks(batch: number, most: number): (readonly [number, number])[] {
  const chunk = Math.min(batch, Math.max(1, Math.floor(most)));
  return Array.from(
    { length: Math.ceil(batch / chunk) },
    (_, i) => [i * chunk, Math.min(batch, (i + 1) * chunk)] as const,
  );
}
