/**
 * Decodes BMP files to RGB as PIL does: palettes of 1, 4 and 8 bits; 16, 24 and 32 bits per pixel; RLE; either order of
 * rows.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { RgbImage } from "../../pixels/image.ts";
import { checkPlausible, checkSize } from "../../pixels/limits.ts";
import { type BmpHeader, Compression, readHeader } from "./header.ts";
import { readPalette } from "./palette.ts";
import { unpackRle } from "./rle.ts";

/** Decodes a BMP file. Throws DataError. */
export function decodeBmp(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  return Promise.resolve().then(() => {
    const header = readHeader(bytes, name);
    checkSize(header.width, header.height, name);
    const rows = header.bits <= 8 ? fromPalette(bytes, header, name) : fromColors(bytes, header, name);
    return { width: header.width, height: header.height, data: header.isTopDown ? rows : upsideDown(rows, header) };
  });
}

/** Decodes a file with a palette. Rows stay in the file's order. */
function fromPalette(bytes: Uint8Array<ArrayBuffer>, header: BmpHeader, name: string): Uint8Array {
  const { width, height } = header;
  const { colors, bits, pixelsAt, isBlackAndWhite } = readPalette(bytes, header, name);
  const isRle = header.compression === Compression.RLE8 || header.compression === Compression.RLE4;
  if (isRle && isBlackAndWhite) {
    throw new DataError(`${name}: unsupported BMP: run lengths with a palette of black and white, as in PIL`);
  }
  let pixels: Uint8Array, stride: number, depth: number;
  if (isRle) {
    checkPlausible(width, height, bytes.length, name);
    pixels = unpackRle(bytes, pixelsAt, header, name);
    [stride, depth] = [width, 8];
  } else {
    // PIL decides by the palette. If it is a grey ramp, pixels are bytes, whatever the header says.
    [stride, depth] = [header.stride, bits];
    pixels = pixelsOf(bytes, pixelsAt, header, Math.ceil((width * bits) / 8), name);
  }
  const rgb = new Uint8Array(width * height * 3);
  const mask = (1 << depth) - 1;
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      const bit = x * depth;
      const index = (pixels[y * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
      for (let c = 0; c < 3; c++) rgb[o + c] = colors[3 * index + c];
    }
  }
  return rgb;
}

/** Decodes a file with colours as pixels. Rows stay in the file's order. */
function fromColors(bytes: Uint8Array<ArrayBuffer>, header: BmpHeader, name: string): Uint8Array {
  const { width, height, bits, stride, layout } = header;
  if (layout === null) throw new DataError(`${name}: unsupported BMP: run lengths of ${bits} bits a pixel`);
  const pixels = pixelsOf(bytes, header.pixelsAt || header.end, header, (width * bits) / 8, name);
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0, at = y * stride; x < width; x++, at += bits / 8, o += 3) {
      if (bits > 16) {
        for (let c = 0; c < 3; c++) rgb[o + c] = pixels[at + layout[c]];
        continue;
      }
      // For 16 bits, the layout gives the number of bits of each colour. Blue is lowest. PIL truncates the fraction.
      let pixel = pixels[at] | (pixels[at + 1] << 8);
      for (let c = 2; c >= 0; c--) {
        const most = (1 << layout[c]) - 1;
        rgb[o + c] = Math.floor(((pixel & most) * 255) / most);
        pixel >>= layout[c];
      }
    }
  }
  return rgb;
}

/** Returns the pixels as stored in the file. The padding of the last row may be missing. */
function pixelsOf(
  bytes: Uint8Array,
  start: number,
  { height, stride }: BmpHeader,
  rowBytes: number,
  name: string,
): Uint8Array {
  if (rowBytes > stride) throw new DataError(`${name}: broken BMP: its palette does not fit its pixels`);
  const needed = (height - 1) * stride + rowBytes;
  if (start + needed > bytes.length) {
    const found = Math.max(bytes.length - start, 0);
    throw new DataError(`${name}: broken BMP: the file is truncated: ${found} bytes of pixels, expected ${needed}`);
  }
  return bytes.subarray(start, start + needed);
}

function upsideDown(rows: Uint8Array, { width, height }: BmpHeader): Uint8Array {
  const out = new Uint8Array(rows.length);
  const length = width * 3;
  for (let y = 0; y < height; y++) out.set(rows.subarray(y * length, (y + 1) * length), (height - 1 - y) * length);
  return out;
}
