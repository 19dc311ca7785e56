/**
 * Decodes GIF files to RGB as PIL does: the first frame on its canvas.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { RgbImage } from "../../pixels/image.ts";
import { checkPlausible, checkSize } from "../../pixels/limits.ts";
import { parseGif } from "./blocks.ts";
import { unpackLzw } from "./lzw.ts";

/** The longest string of the table, 4096 pixels, takes 12 bits. */
const MAX_PIXELS_PER_BYTE = 3072;
/** A canvas of up to this many pixels is accepted whatever the file's length, because a frame need not fill it. */
const FREE_PIXELS = 1 << 22;

/** Decodes a GIF file. Of an animation, decodes the first frame. Throws DataError. */
export function decodeGif(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  return Promise.resolve().then(() => {
    const { width, height, frame, palette, transparent, codeBits, interlaced, dataAt } = parseGif(bytes, name);
    checkSize(width, height, name);
    const limits = { free: FREE_PIXELS, perByte: MAX_PIXELS_PER_BYTE };
    checkPlausible(width, height, bytes.length, name, limits);
    const count = frame.width * frame.height;
    const found = unpackLzw(bytes, dataAt, codeBits, count);
    if ("fault" in found) throw new DataError(`${name}: broken GIF: ${found.fault}`);

    const canvas = new Uint8Array(width * height).fill(transparent ?? 0);
    const rows = interlaced ? interlacedRows(frame.height) : null;
    for (let y = 0; y < frame.height; y++) {
      const row = found.pixels.subarray(y * frame.width, (y + 1) * frame.width);
      canvas.set(row, (frame.top + (rows ? rows[y] : y)) * width + frame.left);
    }
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < canvas.length; i++) {
      for (let c = 0; c < 3; c++) data[3 * i + c] = palette ? palette[3 * canvas[i] + c] : canvas[i];
    }
    return { width, height, data };
  });
}

/** Returns the order in which an interlaced frame's rows are stored. */
function interlacedRows(height: number): number[] {
  const passes = [[0, 8], [4, 8], [2, 4], [1, 2]];
  return passes.flatMap(([first, step]) =>
    Array.from({ length: Math.max(Math.ceil((height - first) / step), 0) }, (_, i) => first + i * step)
  );
}
