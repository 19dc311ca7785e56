/**
 * A JPEG decoder for files that the WASM decoder cannot read as PIL does: four components (CMYK, YCCK), chroma
 * subsampled only vertically (4:4:0), and progressive files without their last scans. It is slower, and equals
 * libjpeg-turbo and PIL bit for bit.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { RgbImage } from "../../pixels/image.ts";
import { decodeCoefficients } from "./coefficients.ts";
import { inverseDct, type SamplePlane } from "./idct.ts";
import type { Component, JpegFile } from "./markers.ts";
import { isUnfinished, progressionOf, TRACKED } from "./progression.ts";
import { smooth } from "./smoothing.ts";
import { type RowUpsampler, type Sampling, upsamplerFor } from "./upsample.ts";

/** Decodes a parsed file of one, three or four components. Throws DataError. */
export function decodeParsedJpeg(file: JpegFile, name: string): RgbImage {
  const { width, height } = file;
  const channels = decodeChannels(file, name);
  const data = new Uint8Array(width * height * 3);
  const toRgb = rowConverter(file);
  for (let y = 0; y < height; y++) {
    for (const { plane, sampling, upsample, row } of channels) upsample(plane, sampling, y, row);
    toRgb(channels.map(({ row }) => row), data.subarray(y * width * 3, (y + 1) * width * 3));
  }
  return { width, height, data };
}

/** A component's samples, and how to make a row of the image from them. */
interface Channel {
  readonly plane: SamplePlane;
  readonly sampling: Sampling;
  readonly upsample: RowUpsampler;
  readonly row: Uint8Array;
}

function decodeChannels(file: JpegFile, name: string): Channel[] {
  const { width, height, components } = file;
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  if (components.some(({ h, v }) => maxH % h !== 0 || maxV % v !== 0)) {
    throw new DataError(`${name}: unsupported JPEG: fractional subsampling`);
  }
  const tables = components.map((component, index) => quantisationOf(file, component, index, name));
  const { planes, lastGoodRow } = decodeCoefficients(file, name);
  const guesses = isUnfinished(file) && tables.every((table) => table.subarray(0, TRACKED).every((step) => step > 0));
  const progressions = guesses ? progressionOf(file) : [];
  return components.map(({ h, v }, index) => {
    const sampling = {
      across: maxH / h,
      down: maxV / v,
      width: Math.ceil((width * h) / maxH),
      height: Math.ceil((height * v) / maxV),
    };
    const layout = {
      columns: Math.ceil(sampling.width / 8),
      rows: Math.ceil(sampling.height / 8),
      perMcuRow: v,
      mcuRows: planes[index].blockRows / v,
    };
    const coefficients = guesses
      ? smooth(planes[index], tables[index], progressions[index], layout, lastGoodRow)
      : planes[index];
    return {
      plane: inverseDct(coefficients, tables[index]),
      sampling,
      upsample: upsamplerFor(sampling),
      row: new Uint8Array(sampling.width * (maxH / h)),
    };
  });
}

/**
 * Returns the quantisation table at a component's first scan. If no scan has the component, returns zeros, which make
 * it grey.
 */
function quantisationOf({ scans }: JpegFile, { quantisation }: Component, index: number, name: string): Uint16Array {
  const first = scans.find(({ components }) => components.some((c) => c.index === index));
  if (!first) return new Uint16Array(64);
  const table = first.quantisation[quantisation];
  if (!table) throw new DataError(`${name}: broken JPEG: component ${index} lacks its quantisation table`);
  return table;
}

type RowConverter = (rows: Uint8Array[], rgb: Uint8Array) => void;

/** Returns the conversion to RGB for the file's colour space, by libjpeg's rules. */
function rowConverter({ components, adobeTransform, jfif }: JpegFile): RowConverter {
  if (components.length === 1) return greyToRgb;
  if (components.length === 4) {
    const isYcck = adobeTransform !== null && adobeTransform !== 0;
    return isYcck ? ycckToRgb : cmykToRgb;
  }
  const named = String.fromCharCode(...components.map(({ id }) => id)) === "RGB";
  const isRgb = !jfif && (adobeTransform === null ? named : adobeTransform === 0);
  return isRgb ? interleave : yccToRgb;
}

const interleave: RowConverter = (rows, rgb) => {
  for (let x = 0, i = 0; i < rgb.length; x++) for (let c = 0; c < 3; c++) rgb[i++] = rows[c][x];
};

const greyToRgb: RowConverter = ([grey], rgb) => {
  for (let x = 0, i = 0; i < rgb.length; x++, i += 3) rgb.fill(grey[x], i, i + 3);
};

const clamp = (value: number) => value < 0 ? 0 : value > 255 ? 255 : value;
const fix = (value: number) => Math.round(value * 65536);
const CR_TO_R = fix(1.40200);
const CB_TO_B = fix(1.77200);
const CR_TO_G = fix(0.71414);
const CB_TO_G = fix(0.34414);
const HALF = 1 << 15;

/** ITU-R BT.601's full-range YCbCr in libjpeg's 16-bit fixed point. */
const yccToRgb: RowConverter = ([luma, blue, red], rgb) => {
  for (let x = 0, i = 0; i < rgb.length; x++, i += 3) {
    const y = luma[x];
    const cb = blue[x] - 128;
    const cr = red[x] - 128;
    rgb[i] = clamp(y + ((CR_TO_R * cr + HALF) >> 16));
    rgb[i + 1] = clamp(y + ((HALF - CB_TO_G * cb - CR_TO_G * cr) >> 16));
    rgb[i + 2] = clamp(y + ((CB_TO_B * cb + HALF) >> 16));
  }
};

/** PIL's rounded a * b / 255. */
function scale255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/** PIL assumes that every four-component JPEG is Adobe's, which stores inverted inks. */
const cmykToRgb: RowConverter = ([cyan, magenta, yellow, black], rgb) => {
  for (let x = 0, i = 0; i < rgb.length; x++, i += 3) {
    const light = black[x];
    rgb[i] = clamp(light - scale255(255 - cyan[x], light));
    rgb[i + 1] = clamp(light - scale255(255 - magenta[x], light));
    rgb[i + 2] = clamp(light - scale255(255 - yellow[x], light));
  }
};

/** YCCK contains YCbCr of the inks' complements. */
const ycckToRgb: RowConverter = ([luma, blue, red, black], rgb) => {
  yccToRgb([luma, blue, red], rgb);
  for (let x = 0, i = 0; i < rgb.length; x++, i += 3) {
    const light = black[x];
    // libjpeg turns the complements into inks. PIL inverts them once more. So the inverse of this RGB is needed.
    for (let c = 0; c < 3; c++) rgb[i + c] = clamp(light - scale255(rgb[i + c], light));
  }
};
