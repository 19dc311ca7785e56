/**
 * Parses the structure of a PNG file (ISO/IEC 15948): header, palette and compressed data. It accepts the same damage
 * as PIL.
 *
 * @module
 */

import { crc32 } from "../../../crc32.ts";
import { DataError } from "../../../errors.ts";
import { checkSize } from "../../pixels/limits.ts";

/** PNG's colour types. */
export const ColorType = { GREY: 0, RGB: 2, PALETTE: 3, GREY_ALPHA: 4, RGBA: 6 } as const;

/** Samples per pixel and allowed bits per sample, by colour type. */
const COLOR_TYPES: Readonly<Record<number, { channels: number; depths: readonly number[] }>> = {
  [ColorType.GREY]: { channels: 1, depths: [1, 2, 4, 8, 16] },
  [ColorType.RGB]: { channels: 3, depths: [8, 16] },
  [ColorType.PALETTE]: { channels: 1, depths: [1, 2, 4, 8] },
  [ColorType.GREY_ALPHA]: { channels: 2, depths: [8, 16] },
  [ColorType.RGBA]: { channels: 4, depths: [8, 16] },
};

/**
 * The fewest bytes of a transparency chunk that PIL accepts for these colour types. PIL reads them, but they do not
 * affect pixels.
 */
const TRANSPARENCY_BYTES: Readonly<Record<number, number>> = { [ColorType.GREY]: 2, [ColorType.RGB]: 6 };

/** The content of the header. */
export interface PngHeader {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Bits per sample. */
  readonly depth: number;
  /** One of `ColorType`. */
  readonly colorType: number;
  /** Samples per pixel. */
  readonly channels: number;
  /** Whether the image uses Adam7 interlacing. */
  readonly interlaced: boolean;
}

/**
 * The part of the image that the data contain. It is the whole image, unless an animation's first frame is smaller.
 */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A parsed PNG file. */
export interface PngFile extends PngHeader {
  /** The part of the image that the data contain. */
  readonly frame: Frame;
  /** R, G, B of 256 palette entries. Entries missing in the file are black, as in PIL. */
  readonly palette: Uint8Array;
  /** The zlib stream, in pieces. */
  readonly compressed: readonly Uint8Array<ArrayBuffer>[];
}

const SIGNATURE_BYTES = 8;
const PALETTE_BYTES = 256 * 3;

/** Parses a PNG file and checks its header. Throws DataError. */
export function parsePng(bytes: Uint8Array<ArrayBuffer>, name: string): PngFile {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken PNG: ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: PngHeader | null = null;
  let frame: Frame | null = null;
  let frames = 0;
  let animated = false;
  let palette = new Uint8Array(PALETTE_BYTES);
  const compressed: Uint8Array<ArrayBuffer>[] = [];

  const readers: Readonly<Record<string, (body: Uint8Array<ArrayBuffer>) => void>> = {
    IHDR: (body) => void (header = readHeader(body, name)),
    PLTE(body) {
      if (header?.colorType !== ColorType.PALETTE) return;
      const entries = Math.floor(body.length / 3);
      if (entries > 256) fail(`a palette of ${entries} colours, at most 256 are possible`);
      // A truncated entry stays black, and a second palette replaces the first.
      palette = new Uint8Array(PALETTE_BYTES);
      palette.set(body.subarray(0, 3 * entries));
    },
    tRNS(body) {
      if (header && body.length < (TRANSPARENCY_BYTES[header.colorType] ?? 0)) fail("its tRNS chunk is too short");
    },
    acTL(body) {
      if (body.length < 8) fail("its acTL chunk is too short");
      animated = true;
    },
    fcTL: (body) => void (frame = readFrame(body, frames++, header, name)),
  };

  let at = SIGNATURE_BYTES;
  for (; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // The pixels are in consecutive chunks. The last one may be truncated if it contains enough.
    if (compressed.length > 0 && type !== "IDAT") break;
    if (!isChunkName(type)) fail(`no chunk at byte ${at}`);
    const end = at + 8 + length;
    const body = bytes.subarray(at + 8, end);
    if (type === "IDAT") compressed.push(body);
    else {
      if (end + 4 > bytes.length) fail(`the file is truncated in its ${type} chunk`);
      // PIL does not check the checksum of pixel chunks either: the zlib stream has its own.
      if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) fail(`wrong checksum of its ${type} chunk`);
      readers[type]?.(body);
    }
    at = end + 4;
  }
  // Closures assign it, which the compiler does not track.
  const found = header as PngHeader | null;
  if (!found || compressed.length === 0) return fail("no image data in the file");

  // PIL reads on to the end. A truncated chunk there makes the file truncated, whatever the chunk contains.
  while (at + 8 <= bytes.length) {
    const end = at + 8 + view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (!isChunkName(type) || type === "IEND" || (type === "fcTL" && animated)) break;
    if (end > bytes.length) fail(`the file is truncated in its ${type} chunk`);
    at = end + 4;
  }
  return {
    ...found,
    frame: frame ?? { left: 0, top: 0, width: found.width, height: found.height },
    palette,
    compressed,
  };
}

const isChunkName = (type: string) => /^\w{4}$/.test(type);

function readHeader(body: Uint8Array<ArrayBuffer>, name: string): PngHeader {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken PNG: ${what}`);
  };
  if (body.length < 13) fail(`its header has ${body.length} bytes, expected 13`);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [depth, colorType, , filter, interlace] = body.subarray(8);
  const kind = COLOR_TYPES[colorType];
  if (!kind?.depths.includes(depth)) fail(`colour type ${colorType} with ${depth} bits a sample`);
  if (filter !== 0) fail(`filter method ${filter}, expected 0`);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  checkSize(width, height, name);
  return { width, height, depth, colorType, channels: kind.channels, interlaced: interlace !== 0 };
}

/** Reads the position of an animation's frame. `number` is the number of frames so far. */
function readFrame(body: Uint8Array<ArrayBuffer>, number: number, header: PngHeader | null, name: string): Frame {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken PNG: ${what}`);
  };
  if (body.length < 26) fail("its fcTL chunk is too short");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [sequence, width, height, left, top] = [0, 4, 8, 12, 16].map((at) => view.getUint32(at));
  if (!header || sequence !== number) fail("its animation's frames are out of order");
  if (width < 1 || height < 1 || left + width > header!.width || top + height > header!.height) {
    fail(`a frame of ${width}x${height} at ${left}, ${top} outside of the image`);
  }
  return { left, top, width, height };
}
