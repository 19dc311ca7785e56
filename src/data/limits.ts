/**
 * What a file may claim before memory is given to it.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The largest image decoded, in pixels: where PIL stops taking an image for anything but a decompression bomb. */
export const MAX_PIXELS = 178_956_970;

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
