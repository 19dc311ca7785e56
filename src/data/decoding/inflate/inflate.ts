/**
 * A zlib stream inflated to a known size, as zlib hands it to PIL a row at a time.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { inflateByHand } from "./by_hand.ts";

/** Deflate's best: two bits for a copy of 258 bytes. */
const MAX_RATIO = 1032;

/**
 * What the zlib stream in `pieces` inflates to, at most `size` bytes: whatever comes after is never inflated. Less than
 * `size` where a whole stream ends early. Throws DataError, which names `format`, when the stream is broken or cut off before
 * `size`.
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
  // Bytes behind the stream, a missing checksum or missing rows: every platform's own inflater refuses them otherwise.
  const { filled, fault } = inflateByHand(joined(pieces, compressed), out);
  if (fault) throw new DataError(`${name}: broken ${format}: ${fault}`);
  return out.subarray(0, filled);
}

/** Fills `out` by the platform's inflater; false where that is not content with the stream. */
async function inflateNatively(pieces: readonly Uint8Array<ArrayBuffer>[], out: Uint8Array): Promise<boolean> {
  const reader = streamOf(pieces).pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (let filled = 0;;) {
      const { done, value } = await reader.read();
      if (done) return filled === out.length;
      out.set(value.subarray(0, out.length - filled), filled);
      // Only the end of the stream tells whether its checksum is right, unless there is more than anyone asks for.
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
