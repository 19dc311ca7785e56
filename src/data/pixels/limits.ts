/**
 * What a file may claim before memory is given to it.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

/** The largest image decoded, in pixels: where PIL stops taking an image for anything but a decompression bomb. */
export const MAX_PIXELS = 178_956_970;

/**
 * The most pixels that a byte can stand for in a JPEG or a lossy WebP. A JPEG spends at least a bit a block, and a block
 * covers at most 32 x 32 pixels of a channel (other channels need more); a WebP spends over two bits on 16 x 16 pixels.
 */
export const MAX_PIXELS_PER_BYTE = 1024;

/**
 * Throws DataError where so few bytes cannot hold so many pixels, before memory is given to them. `free` pixels are
 * taken without a question: some formats spend no bits at all on images of one colour. `perByte` replaces
 * `MAX_PIXELS_PER_BYTE`.
 */
export function checkPlausible(
  width: number,
  height: number,
  bytes: number,
  name: string,
  { free = 0, perByte = MAX_PIXELS_PER_BYTE } = {},
): void {
  if (width * height <= Math.max(perByte * bytes, free)) return;
  throw new DataError(
    `${name}: broken image: it claims ${width}x${height} pixels in ${bytes} bytes (is it truncated?)`,
  );
}

/** Throws DataError for an image of no pixels or of more than `MAX_PIXELS`. */
export function checkSize(width: number, height: number, name: string): void {
  if (width < 1 || height < 1) throw new DataError(`${name}: broken image: it claims ${width}x${height} pixels`);
  if (width * height > MAX_PIXELS) {
    throw new DataError(
      `${name}: image too large: it claims ${width}x${height} = ${
        width * height
      } pixels, at most ${MAX_PIXELS} are read`,
    );
  }
}
