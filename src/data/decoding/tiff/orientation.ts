/**
 * Turns an image as its orientation tag says. PIL does this only for TIFF.
 *
 * @module
 */

import type { RgbImage } from "../../pixels/image.ts";

/**
 * Returns `image` turned by TIFF's orientation number: 1 is unchanged, 2 to 4 are flips and the 180-degree turn, and
 * from 5 on width and height are swapped.
 */
export function oriented(image: RgbImage, orientation: number): RgbImage {
  if (!(orientation >= 2 && orientation <= 8)) return image;
  const isTurned = orientation >= 5;
  const [width, height] = isTurned ? [image.height, image.width] : [image.width, image.height];
  const data = new Uint8Array(image.data.length);
  const fromRight = [2, 3, 7, 8].includes(orientation), fromBottom = [3, 4, 6, 7].includes(orientation);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const [column, row] = isTurned ? [y, x] : [x, y];
      const from = 3 * ((fromBottom ? image.height - 1 - row : row) * image.width +
        (fromRight ? image.width - 1 - column : column));
      for (let c = 0; c < 3; c++) data[to + c] = image.data[from + c];
    }
  }
  return { width, height, data };
}
