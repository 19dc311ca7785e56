/** Images that both the Python fixture writer and these tests compute, so that large images need not be stored. */

import type { RgbImage } from "../../src/data/pixels/image.ts";

/** `formula(width, height)` of tests/reference/formula_image.py. */
export function formulaImage(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isBlock = ((x >> 4) + (y >> 4)) % 5 === 0;
      for (let c = 0; c < 3; c++) {
        let n = (Math.imul(x, 374761393) + Math.imul(y, 668265263) + Math.imul(c, 974634013)) >>> 0;
        n = Math.imul(n ^ (n >>> 13), 1274126177);
        const noise = n >>> 24;
        data[at++] = isBlock ? (noise >= 128 ? 255 : 0) : (noise >> 2) + Math.floor((x * 191) / width);
      }
    }
  }
  return { width, height, data };
}
