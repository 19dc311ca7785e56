/**
 * The structure of a PNG file (ISO/IEC 15948): header, palette and compressed data.
 *
 * @module
 */

import { crc32 } from "../../crc32.ts";
import { DataError } from "../../errors.ts";
import { checkSize } from "../limits.ts";

/** PNG's colour types. */
export const ColorType = { GREY: 0, RGB: 2, PALETTE: 3, GREY_ALPHA: 4, RGBA: 6 } as const;

/** Samples a pixel and allowed bits a sample, by colour type. */
const COLOR_TYPES: Readonly<Record<number, { channels: number; depths: readonly number[] }>> = {
  [ColorType.GREY]: { channels: 1, depths: [1, 2, 4, 8, 16] },
  [ColorType.RGB]: { channels: 3, depths: [8, 16] },
  [ColorType.PALETTE]: { channels: 1, depths: [1, 2, 4, 8] },
  [ColorType.GREY_ALPHA]: { channels: 2, depths: [8, 16] },
  [ColorType.RGBA]: { channels: 4, depths: [8, 16] },
};

/** A PNG file taken apart. */
export interface PngFile {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** One of `ColorType`. */
  readonly colorType: number;
  /** Samples a pixel. */
  readonly channels: number;
  /** True for Adam7 interlacing. */
  readonly interlaced: boolean;
  /** R G B of each palette entry, 256 entries: black where the file has none, as PIL has it. */
  readonly palette: Uint8Array;
  /** The zlib stream, in pieces. */
  readonly compressed: readonly Uint8Array<ArrayBuffer>[];
}

const SIGNATURE_BYTES = 8;

/** Takes `bytes` apart and checks its header. Throws DataError. */
export function parsePng(bytes: Uint8Array<ArrayBuffer>, name: string): PngFile {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken PNG: ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Omit<PngFile, "palette" | "compressed"> | null = null;
  const palette = new Uint8Array(256 * 3);
  const compressed: Uint8Array<ArrayBuffer>[] = [];

  for (let at = SIGNATURE_BYTES; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // The pixels lie in consecutive chunks: nothing that comes after them matters.
    if (compressed.length > 0 && type !== "IDAT") break;
    if (length > bytes.length - at - 12) fail(`the file is truncated in its ${type} chunk`);
    const body = bytes.subarray(at + 8, at + 8 + length);
    // Of the pixels PIL does not check it either: the zlib stream has a checksum of its own.
    if (type !== "IDAT" && crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      fail(`wrong checksum of its ${type} chunk`);
    }
    at += 12 + length;
    if (!header && type !== "IHDR") fail(`it starts with a ${type} chunk, expected IHDR`);
    if (type === "IHDR") header = readHeader(body, name);
    else if (type === "PLTE") palette.set(body.subarray(0, palette.length));
    else if (type === "IDAT") compressed.push(body);
  }
  if (!header || compressed.length === 0) return fail("no image data in the file");
  return { ...header, palette, compressed };
}

function readHeader(body: Uint8Array<ArrayBuffer>, name: string): Omit<PngFile, "palette" | "compressed"> {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken PNG: ${what}`);
  };
  if (body.length !== 13) fail(`its header has ${body.length} bytes, expected 13`);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [depth, colorType, compression, filter, interlace] = body.subarray(8);
  const kind = COLOR_TYPES[colorType];
  if (!kind?.depths.includes(depth)) fail(`colour type ${colorType} with ${depth} bits a sample`);
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    fail(`compression ${compression}, filter ${filter}, interlace ${interlace}`);
  }
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  checkSize(width, height, name);
  return { width, height, depth, colorType, channels: kind.channels, interlaced: interlace === 1 };
}
