/**
 * Decodes BMP's run-length encodings RLE8 and RLE4 as PIL does.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { type BmpHeader, Compression } from "./header.ts";

const END_OF_LINE = 0;
const END_OF_BITMAP = 1;
const DELTA = 2;

/**
 * Returns the palette indices, one byte per pixel, with rows in the file's order. Throws DataError if there are too
 * few.
 */
export function unpackRle(bytes: Uint8Array, start: number, { width, height, compression }: BmpHeader, name: string) {
  const isRle4 = compression === Compression.RLE4;
  const out = new Uint8Array(width * height);
  let filled = 0, x = 0;
  const put = (value: number) => {
    // There may be more pixels than the image has. Those are dropped.
    if (filled < out.length) out[filled] = value;
    filled++;
  };
  for (let at = start; filled < out.length && at + 1 < bytes.length;) {
    const count = bytes[at], value = bytes[at + 1];
    at += 2;
    if (count > 0) {
      // A run ends at the end of its row.
      const length = Math.min(count, Math.max(width - x, 0));
      for (let i = 0; i < length; i++) put(isRle4 ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
      x += length;
    } else if (value === END_OF_LINE) {
      filled = Math.ceil(filled / width) * width;
      x = 0;
    } else if (value === END_OF_BITMAP) break;
    else if (value === DELTA) {
      if (at + 1 >= bytes.length) break;
      filled += bytes[at] + bytes[at + 1] * width;
      x = filled % width;
      at += 2;
    } else {
      const length = isRle4 ? value >> 1 : value;
      for (const byte of bytes.subarray(at, at + length)) {
        if (isRle4) put(byte >> 4);
        put(isRle4 ? byte & 15 : byte);
      }
      if (at + length > bytes.length) break;
      at += length;
      x += value;
      at += at % 2;
    }
  }
  if (filled < out.length) {
    throw new DataError(`${name}: broken BMP: its runs hold ${filled} pixels, expected ${out.length}`);
  }
  return out;
}
