/**
 * Reads the headers of a BMP file: Windows versions 3 to 5, and both OS/2 versions.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";

/** How pixels are stored. Other numbers are refused. */
export const Compression = { NONE: 0, RLE8: 1, RLE4: 2, BITFIELDS: 3 } as const;

/** The content of the headers. */
export interface BmpHeader {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Whether the first row is the top row. */
  readonly isTopDown: boolean;
  /** Bits per pixel. */
  readonly bits: number;
  /** One of `Compression`. */
  readonly compression: number;
  /** Distance between rows in bytes. */
  readonly stride: number;
  /** Number of palette entries. */
  readonly colors: number;
  /** Bytes per palette entry. */
  readonly entryBytes: number;
  /** Offset of the pixels. 0 if they directly follow the headers and the palette. */
  readonly pixelsAt: number;
  /** Offset of the end of the headers. */
  readonly end: number;
  /**
   * The positions of red, green and blue: byte offsets in a pixel, or for 16 bits the number of bits of each. null with
   * a palette or RLE.
   */
  readonly layout: readonly [number, number, number] | null;
}

const FILE_HEADER = 14;
const CORE_HEADER = 12;
const INFO_HEADERS = [40, 52, 56, 64, 108, 124];
/** Header sizes from which the header includes the colour masks, and the alpha mask. */
const WITH_MASKS = 52;
const WITH_ALPHA_MASK = 56;

const BGR = [2, 1, 0] as const;
const FIVES = [5, 5, 5] as const;

/** The layouts that PIL accepts, by the masks of red, green, blue and alpha. */
const LAYOUTS: Readonly<Record<string, readonly [number, number, number]>> = {
  "32: ff0000 ff00 ff 0": BGR,
  "32: ff000000 ff0000 ff00 0": [3, 2, 1],
  "32: ff000000 ff00 ff 0": [3, 1, 0],
  "32: ff000000 ff0000 ff00 ff": [3, 2, 1],
  "32: ff ff00 ff0000 ff000000": [0, 1, 2],
  "32: ff0000 ff00 ff ff000000": BGR,
  "32: ff000000 ff00 ff ff0000": [3, 1, 0],
  "32: 0 0 0 0": BGR,
  "24: ff0000 ff00 ff": BGR,
  "16: f800 7e0 1f": [5, 6, 5],
  "16: 7c00 3e0 1f": FIVES,
};

/** Reads the headers. Throws DataError. */
export function readHeader(bytes: Uint8Array<ArrayBuffer>, name: string): BmpHeader {
  const unsupported = (what: string): never => {
    throw new DataError(`${name}: unsupported BMP: ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (end: number) => {
    if (end > bytes.length) throw new DataError(`${name}: broken BMP: the file is truncated in its headers`);
  };
  need(FILE_HEADER + 4);
  const size = view.getUint32(FILE_HEADER, true);
  if (size !== CORE_HEADER && !INFO_HEADERS.includes(size)) unsupported(`a header of ${size} bytes`);
  let end = FILE_HEADER + size;
  need(end);
  const short = (at: number) => view.getUint16(FILE_HEADER + at, true);
  const long = (at: number) => view.getUint32(FILE_HEADER + at, true);

  const isCore = size === CORE_HEADER;
  // The height is negative. PIL checks only its highest byte.
  const isTopDown = !isCore && bytes[FILE_HEADER + 11] === 0xff;
  const width = isCore ? short(4) : long(4);
  const height = isCore ? short(6) : isTopDown ? 2 ** 32 - long(8) : long(8);
  const bits = isCore ? short(10) : short(14);
  const compression = isCore ? Compression.NONE : long(16);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) unsupported(`${bits} bits a pixel`);
  if (!Object.values<number>(Compression).includes(compression)) unsupported(`compression ${compression}`);

  let layout: BmpHeader["layout"] = null;
  if (compression === Compression.BITFIELDS) {
    if (size < WITH_MASKS) need(end += 12);
    const count = bits === 32 ? 4 : 3;
    const masks = Array.from({ length: count }, (_, i) => i === 3 && size < WITH_ALPHA_MASK ? 0 : long(40 + 4 * i));
    const key = `${bits}: ${masks.map((mask) => mask.toString(16)).join(" ")}`;
    layout = LAYOUTS[key] ?? unsupported(`colours laid out as ${key}`);
  } else if (compression === Compression.NONE && bits > 8) {
    layout = bits === 16 ? FIVES : BGR;
  }
  const colors = (isCore ? 0 : long(32)) || 1 << bits;
  const entryBytes = isCore ? 3 : 4;
  let pixelsAt = view.getUint32(10, true);
  // Some files ignore their palette in the offset of the pixels.
  if (pixelsAt === FILE_HEADER + size && bits <= 8) pixelsAt += entryBytes * colors;
  const stride = Math.floor((width * bits + 31) / 32) * 4;
  return { width, height, isTopDown, bits, compression, stride, colors, entryBytes, pixelsAt, end, layout };
}
