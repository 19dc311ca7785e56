/**
 * A JPEG decoder for the files the WASM decoder cannot read as PIL reads them: four components (CMYK, YCCK), and chroma
 * subsampled down but not across (4:4:0). Slower, equal to libjpeg-turbo and PIL bit for bit.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import type { RgbImage } from "../image.ts";
import { decodeCoefficients } from "./coefficients.ts";
import { inverseDct } from "./idct.ts";
import type { JpegFile } from "./markers.ts";
import { upsamplerFor } from "./upsample.ts";

/** Decodes a parsed file of three or four components. Throws DataError. */
export function decodeParsedJpeg(file: JpegFile, name: string): RgbImage {
  const { width, height, components } = file;
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  const coefficients = decodeCoefficients(file, name);
  const channels = components.map((component, index) => {
    const { h, v, quantisation } = component;
    if (maxH % h !== 0 || maxV % v !== 0) throw new DataError(`${name}: unsupported JPEG: fractional subsampling`);
    const table = file.scans.find((scan) => scan.components.some((c) => c.index === index))
      ?.quantisation[quantisation];
    if (!table) throw new DataError(`${name}: broken JPEG: component ${index} lacks its scan or quantisation table`);
    const sampling = {
      across: maxH / h,
      down: maxV / v,
      width: Math.ceil((width * h) / maxH),
      height: Math.ceil((height * v) / maxV),
    };
    return {
      plane: inverseDct(coefficients[index], table),
      sampling,
      upsample: upsamplerFor(sampling),
      row: new Uint8Array(sampling.width * (maxH / h)),
    };
  });

  const data = new Uint8Array(width * height * 3);
  const toRgb = rowConverter(file);
  for (let y = 0; y < height; y++) {
    for (const { plane, sampling, upsample, row } of channels) upsample(plane, sampling, y, row);
    toRgb(channels.map(({ row }) => row), data.subarray(y * width * 3, (y + 1) * width * 3));
  }
  return { width, height, data };
}

type RowConverter = (rows: Uint8Array[], rgb: Uint8Array) => void;

/** The colour space by libjpeg's rules, as a conversion to RGB. */
function rowConverter({ components, adobeTransform, jfif }: JpegFile): RowConverter {
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

/** PIL takes every four-component JPEG for Adobe's, whose inks are stored inverted. */
const cmykToRgb: RowConverter = ([cyan, magenta, yellow, black], rgb) => {
  for (let x = 0, i = 0; i < rgb.length; x++, i += 3) {
    const light = black[x];
    rgb[i] = clamp(light - scale255(255 - cyan[x], light));
    rgb[i + 1] = clamp(light - scale255(255 - magenta[x], light));
    rgb[i + 2] = clamp(light - scale255(255 - yellow[x], light));
  }
};

/** YCCK holds YCbCr of the inks' complements. */
const ycckToRgb: RowConverter = ([luma, blue, red, black], rgb) => {
  yccToRgb([luma, blue, red], rgb);
  for (let x = 0, i = 0; i < rgb.length; x++, i += 3) {
    const light = black[x];
    // libjpeg turns the complements into inks; PIL inverts them once more, which makes the RGB here the inverse.
    for (let c = 0; c < 3; c++) rgb[i + c] = clamp(light - scale255(rgb[i + c], light));
  }
};
