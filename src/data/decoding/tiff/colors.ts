/**
 * Converts a TIFF file's samples to RGB as PIL does.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { type Layout, Photometric } from "./layout.ts";

/**
 * Returns R, G, B of every pixel. `colorMap` contains the palette as 16-bit numbers: all reds, then all greens, then
 * all blues. Throws DataError.
 */
export function toRgb(
  samples: Uint8Array | Uint16Array,
  layout: Layout,
  colorMap: readonly number[],
  name: string,
): Uint8Array {
  const { width, height, samples: step } = layout;
  const rgb = new Uint8Array(width * height * 3);
  const convert = converter(layout, colorMap, name);
  for (let from = 0, to = 0; to < rgb.length; from += step, to += 3) convert(samples, from, rgb, to);
  return rgb;
}

type Converter = (samples: Uint8Array | Uint16Array, from: number, rgb: Uint8Array, to: number) => void;

function converter(layout: Layout, colorMap: readonly number[], name: string): Converter {
  const { photometric, bits, isPremultiplied } = layout;
  // Of 16 bits, the high byte is used, except for grey.
  const shift = bits === 16 ? 8 : 0;
  switch (photometric) {
    case Photometric.RGB:
      return (samples, from, rgb, to) => {
        const opacity = isPremultiplied ? samples[from + 3] >> shift : 255;
        for (let c = 0; c < 3; c++) {
          const level = samples[from + c] >> shift;
          rgb[to + c] = opacity === 255
            ? level
            : opacity === 0
            ? 0
            : Math.min(Math.floor((level * 255) / opacity), 255);
        }
      };
    case Photometric.CMYK:
      return (samples, from, rgb, to) => {
        const light = 255 - (samples[from + 3] >> shift);
        for (let c = 0; c < 3; c++) rgb[to + c] = Math.max(light - scale255(samples[from + c] >> shift, light), 0);
      };
    case Photometric.PALETTE: {
      const count = Math.floor(colorMap.length / 3);
      if (count < 1 || count > 256) throw new DataError(`${name}: broken TIFF: a palette of ${count} colours`);
      return (samples, from, rgb, to) => {
        for (let c = 0; c < 3; c++) rgb[to + c] = samples[from] < count ? colorMap[c * count + samples[from]] >> 8 : 0;
      };
    }
    default: {
      const most = (1 << Math.min(bits, 8)) - 1;
      const isInverted = photometric === Photometric.WHITE_IS_ZERO;
      return (samples, from, rgb, to) => {
        const level = Math.min(samples[from], most) * 255 / most;
        rgb.fill(isInverted ? 255 - level : level, to, to + 3);
      };
    }
  }
}

/** PIL's rounded a * b / 255. */
function scale255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
