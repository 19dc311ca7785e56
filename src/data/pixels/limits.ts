/**
 * Limits on the size that a file may claim. They are checked before memory is allocated.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

/** The most pixels of a decoded image. It is PIL's limit for decompression bombs. */
export const MAX_PIXELS = 178_956_970;

/**
 * The most pixels that one byte can encode in a JPEG or a lossy WebP. A JPEG uses at least one bit per block, and a
 * block covers at most 32 x 32 pixels of a channel (the other channels need more bits). A WebP uses more than two bits
 * for 16 x 16 pixels.
 */
export const MAX_PIXELS_PER_BYTE = 1024;

/**
 * Throws DataError if so few bytes cannot encode so many pixels. Called before memory is allocated. Up to `free` pixels
 * are always accepted: some formats use no bits at all for images of one colour. `perByte` replaces
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

/** Throws DataError if an image has no pixels or more than `MAX_PIXELS`. */
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
