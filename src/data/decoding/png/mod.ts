/**
 * Decodes PNG files to RGB as PIL does: alpha and transparency are dropped, 16-bit colour is cut to its high byte, and
 * 16-bit grey is clipped at 255.
 *
 * @module
 */

import type { RgbImage } from "../../pixels/image.ts";
import { ColorType, parsePng, type PngFile } from "./chunks.ts";
import { inflate } from "../inflate/inflate.ts";
import { inflatedSize, readSamples } from "./scanlines.ts";

/** Decodes a PNG file. Of an animated one, decodes the default image. Throws DataError. */
export async function decodePng(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  const file = parsePng(bytes, name);
  const samples = readSamples(file, await inflate(file.compressed, inflatedSize(file), name, "PNG"), name);
  return { width: file.width, height: file.height, data: toRgb(file, samples) };
}

function toRgb(file: PngFile, samples: Uint8Array | Uint16Array): Uint8Array {
  const { channels, colorType, palette } = file;
  const isColor = colorType === ColorType.RGB || colorType === ColorType.RGBA;
  const rgb = new Uint8Array(file.width * file.height * 3);
  const level = levelOf(file);
  for (let i = 0, at = 0; i < rgb.length; i += 3, at += channels) {
    for (let c = 0; c < 3; c++) {
      if (colorType === ColorType.PALETTE) rgb[i + c] = palette[samples[at] * 3 + c];
      else rgb[i + c] = level(samples[isColor ? at + c : at]);
    }
  }
  return rgb;
}

/** Returns the conversion of a sample to a byte. */
function levelOf({ depth, colorType }: PngFile): (sample: number) => number {
  if (depth === 8) return (sample) => sample;
  if (depth < 8) return (sample) => (sample * 255) / ((1 << depth) - 1);
  // PIL keeps 16-bit grey as 16-bit numbers and clips them on conversion. For all other kinds it reads the high bytes.
  return colorType === ColorType.GREY ? (sample) => Math.min(sample, 255) : (sample) => sample >> 8;
}
