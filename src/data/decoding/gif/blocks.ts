/**
 * Parses a GIF file up to its first frame (GIF89a specification).
 *
 * @module
 */

import { DataError } from "../../../errors.ts";

/** The first frame of a GIF file, and its canvas. */
export interface GifFile {
  /** Width of the canvas. The canvas grows if the frame exceeds it. */
  readonly width: number;
  /** Height of the canvas. */
  readonly height: number;
  /** The position and size of the frame. */
  readonly frame: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  /** R, G, B of 256 entries. Entries missing in the file are black. null if indices are shades of grey. */
  readonly palette: Uint8Array | null;
  /** The transparent index. The canvas is filled with it. */
  readonly transparent: number | null;
  /** Bits per index in the compressed data. */
  readonly codeBits: number;
  /** Whether rows come in four passes. */
  readonly interlaced: boolean;
  /** Offset of the compressed data. */
  readonly dataAt: number;
}

const SCREEN_BYTES = 13;
const FRAME_BYTES = 10;
const EXTENSION = 0x21;
const FRAME = 0x2c;
const END = 0x3b;
const GRAPHIC_CONTROL = 0xf9;
const COMMENT = 0xfe;
const APPLICATION = 0xff;
const HAS_PALETTE = 0x80;

/** Finds the first frame. Throws DataError. */
export function parseGif(bytes: Uint8Array<ArrayBuffer>, name: string): GifFile {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken GIF: ${what}`);
  };
  const need = (end: number) => end <= bytes.length || fail("the file is truncated");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  need(SCREEN_BYTES);
  let at = SCREEN_BYTES;
  const readPalette = (flags: number): Uint8Array | null => {
    const length = 3 << ((flags & 7) + 1);
    const entries = bytes.subarray(at, at + length);
    at += entries.length;
    return paletteOf(entries);
  };
  /**
   * Reads a length and the block after it. The block is empty at the end of a sequence and beyond the end of the file.
   */
  const readBlock = (): Uint8Array<ArrayBuffer> => {
    const length = at < bytes.length ? bytes[at] : 0;
    const block = bytes.subarray(at + 1, at + 1 + length);
    at += 1 + length;
    return block;
  };
  let palette = bytes[10] & HAS_PALETTE ? readPalette(bytes[10]) : null;
  let transparent: number | null = null;

  while (at < bytes.length && bytes[at] !== END) {
    const kind = bytes[at++];
    if (kind === EXTENSION) {
      need(at + 1);
      const label = bytes[at++];
      const block = readBlock();
      if (label === GRAPHIC_CONTROL && block.length > 0) {
        const isTransparent = (block[0] & 1) === 1;
        if (block.length < (isTransparent ? 4 : 3)) fail("a graphic control extension that is too short");
        if (isTransparent) transparent = block[3];
      }
      // PIL continues after an empty first block, except a comment's. It also continues after the block with the number
      // of loops.
      if (label === COMMENT && block.length === 0) continue;
      if (label === APPLICATION && String.fromCharCode(...block).startsWith("NETSCAPE2.0")) readBlock();
      while (readBlock().length > 0);
    } else if (kind === FRAME) {
      need(at + FRAME_BYTES);
      const [left, top, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true));
      const flags = bytes[at + 8];
      at += FRAME_BYTES - 1;
      // If the frame's palette is a grey ramp, the canvas's palette is used.
      if (flags & HAS_PALETTE) palette = readPalette(flags) ?? palette;
      need(at + 1);
      if (width === 0 || height === 0) fail(`a frame of ${width}x${height} pixels`);
      return {
        width: Math.max(view.getUint16(6, true), left + width),
        height: Math.max(view.getUint16(8, true), top + height),
        frame: { left, top, width, height },
        palette,
        transparent,
        codeBits: bytes[at],
        interlaced: (flags & 0x40) !== 0,
        dataAt: at + 1,
      };
    }
  }
  return fail("no image in the file");
}

/** Returns a palette of 256 entries. Returns null for a grey ramp (entry i is i, i, i), which PIL treats as grey. */
function paletteOf(entries: Uint8Array): Uint8Array | null {
  if (entries.every((level, i) => level === Math.floor(i / 3))) return null;
  const palette = new Uint8Array(256 * 3);
  palette.set(entries.subarray(0, Math.floor(entries.length / 3) * 3));
  return palette;
}
