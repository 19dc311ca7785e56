/**
 * Inflates a zlib stream to a known size, as PIL does with zlib row by row.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { inflateByHand } from "./by_hand.ts";

/** Deflate's best ratio: two bits for a copy of 258 bytes. */
const MAX_RATIO = 1032;

/**
 * Inflates the zlib stream in `pieces` to at most `size` bytes. Further data is not inflated. Returns fewer than `size`
 * bytes if a complete stream ends early. Throws DataError, with `format` in its message, if the stream is damaged or
 * truncated before `size`.
 */
export async function inflate(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  size: number,
  name: string,
  format: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const compressed = pieces.reduce((sum, { length }) => sum + length, 0);
  if (size > MAX_RATIO * compressed) {
    throw new DataError(
      `${name}: broken ${format}: ${compressed} compressed bytes for ${size} bytes of pixels (truncated?)`,
    );
  }
  const out = new Uint8Array(size);
  if (await inflateNatively(pieces, out)) return out;
  // Trailing bytes, a missing checksum or missing rows: each platform's inflater refuses them in its own way.
  const { filled, fault } = inflateByHand(joined(pieces, compressed), out);
  if (fault) throw new DataError(`${name}: broken ${format}: ${fault}`);
  return out.subarray(0, filled);
}

/** Fills `out` with the platform's inflater. Returns false if that does not accept the stream. */
async function inflateNatively(pieces: readonly Uint8Array<ArrayBuffer>[], out: Uint8Array): Promise<boolean> {
  const reader = streamOf(pieces).pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (let filled = 0;;) {
      const { done, value } = await reader.read();
      if (done) return filled === out.length;
      out.set(value.subarray(0, out.length - filled), filled);
      // The checksum is checked only at the end of the stream, so read on. Stop only if there is more data than needed.
      if (filled + value.length > out.length) return true;
      filled += value.length;
    }
  } catch {
    return false;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** A replacement for `ReadableStream.from`, which some browsers lack. */
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
