/**
 * Decodes TIFF files to RGB as PIL does: the first image, in grey, palette, RGB or CMYK, 1 to 16 bits, in strips or
 * tiles.
 *
 * @module
 */

import type { RgbImage } from "../../pixels/image.ts";
import { checkPlausible, checkSize } from "../../pixels/limits.ts";
import { toRgb } from "./colors.ts";
import { DECOMPRESS } from "./decompress.ts";
import { type Layout, readLayout } from "./layout.ts";
import { oriented } from "./orientation.ts";
import { readTags, Tag } from "./tags.ts";

/** The most that one byte can encode: bits of samples (LZW's longest string takes a byte and a half), and pixels. */
const MAX_BITS_PER_BYTE = 8 * 2600;
const MAX_PIXELS_PER_BYTE = 4096;

/** Decodes a TIFF file. Throws DataError. */
export async function decodeTiff(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  const tags = readTags(bytes, name);
  const layout = readLayout(tags, name);
  const { width, height } = layout;
  checkSize(width, height, name);
  const perByte = Math.min(Math.floor(MAX_BITS_PER_BYTE / (layout.samples * layout.bits)), MAX_PIXELS_PER_BYTE);
  checkPlausible(width, height, bytes.length, name, { perByte });
  const samples = await readSamples(bytes, layout, name);
  const data = toRgb(samples, layout, tags.numbers(Tag.COLOR_MAP), name);
  return oriented({ width, height, data }, tags.numbers(Tag.ORIENTATION)[0] ?? 1);
}

/** Reads all samples (width * height * samples per pixel, one number each). */
async function readSamples(
  bytes: Uint8Array<ArrayBuffer>,
  layout: Layout,
  name: string,
): Promise<Uint8Array | Uint16Array> {
  const { width, height, samples, bits, part, offsets, counts, compression, isPlanar } = layout;
  const out = bits === 16 ? new Uint16Array(width * height * samples) : new Uint8Array(width * height * samples);
  const across = Math.ceil(width / part.width), down = Math.ceil(height / part.height);
  const inPart = isPlanar ? 1 : samples;
  const rowBytes = Math.ceil((part.width * inPart * bits) / 8);
  for (let i = 0; i < across * down * (isPlanar ? samples : 1); i++) {
    const index = i % (across * down);
    const left = (index % across) * part.width, top = Math.floor(index / across) * part.height;
    // The last strip ends with the image, but a tile does not.
    const rows = part.isTile && compression !== 1 ? part.height : Math.min(part.height, height - top);
    const end = compression === 1 ? bytes.length : offsets[i] + counts[i];
    const stored = bytes.subarray(offsets[i], end);
    const data = await DECOMPRESS[compression](stored, rows * rowBytes, name);
    const shown = Math.min(rows, height - top);
    const columns = Math.min(part.width, width - left);
    for (let y = 0; y < shown; y++) {
      const row = unpackRow(data.subarray(y * rowBytes, (y + 1) * rowBytes), part.width * inPart, layout);
      if (layout.predictor === 2 && compression !== 1) addLeft(row, inPart, bits);
      for (let x = 0; x < columns * inPart; x++) {
        const pixel = (top + y) * width + left + Math.floor(x / inPart);
        const channel = isPlanar ? Math.floor(i / (across * down)) : x % inPart;
        out[pixel * samples + channel] = row[x];
      }
    }
  }
  return out;
}

/** Unpacks the samples of a row. */
function unpackRow(data: Uint8Array, count: number, { bits, littleEndian }: Layout): Uint16Array {
  const row = new Uint16Array(count);
  const [high, low] = littleEndian ? [1, 0] : [0, 1];
  const mask = (1 << bits) - 1;
  for (let i = 0; i < count; i++) {
    if (bits === 16) row[i] = (data[2 * i + high] << 8) | data[2 * i + low];
    else row[i] = (data[(i * bits) >> 3] >> (8 - bits - ((i * bits) & 7))) & mask;
  }
  return row;
}

/** Undoes the predictor, which stores the difference to the pixel on the left. */
function addLeft(row: Uint16Array, step: number, bits: number): void {
  const mask = (1 << bits) - 1;
  for (let i = step; i < row.length; i++) row[i] = (row[i] + row[i - step]) & mask;
}
