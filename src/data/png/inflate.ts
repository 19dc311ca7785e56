/**
 * A zlib stream inflated to a known size.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

/** Deflate's best: two bits for a copy of 258 bytes. */
const MAX_RATIO = 1032;

/**
 * The first `size` bytes that the zlib stream in `pieces` inflates to; whatever comes after is never inflated. Throws
 * DataError when the stream is broken or holds less.
 */
export async function inflate(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  size: number,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const compressed = pieces.reduce((sum, { length }) => sum + length, 0);
  if (size > MAX_RATIO * compressed) {
    throw new DataError(`${name}: broken PNG: ${compressed} compressed bytes for ${size} bytes of pixels (truncated?)`);
  }
  const out = new Uint8Array(size);
  const reader = streamOf(pieces).pipeThrough(new DecompressionStream("deflate")).getReader();
  let filled = 0;
  try {
    while (filled < size) {
      const { done, value } = await reader.read();
      if (done) break;
      out.set(value.subarray(0, size - filled), filled);
      filled += Math.min(value.length, size - filled);
    }
  } catch (cause) {
    throw new DataError(`${name}: broken PNG: its compressed data are damaged or truncated`, { cause });
  } finally {
    await reader.cancel().catch(() => {});
  }
  if (filled < size) {
    throw new DataError(`${name}: broken PNG: its data hold ${filled} bytes of pixels, expected ${size}`);
  }
  return out;
}

/** `ReadableStream.from`, which not every browser has. */
function streamOf(pieces: readonly Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const next = pieces.values();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = next.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}
