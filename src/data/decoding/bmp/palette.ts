/**
 * Reads a BMP file's palette. PIL decides by the palette how pixels are stored.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { BmpHeader } from "./header.ts";

/** The palette. */
export interface BmpPalette {
  /** R, G, B of 256 entries. Entries missing in the file are black. */
  readonly colors: Uint8Array;
  /** Bits per pixel, as PIL reads them. */
  readonly bits: number;
  /** Offset of the pixels. */
  readonly pixelsAt: number;
  /** Whether the palette is black and white. PIL reads it as a bitmap. */
  readonly isBlackAndWhite: boolean;
}

/** The largest number of colours that PIL accepts. */
const MAX_COLORS = 65536;

/** Reads the palette after the headers. Throws DataError. */
export function readPalette(bytes: Uint8Array, header: BmpHeader, name: string): BmpPalette {
  const { colors: count, entryBytes, end } = header;
  if (count > MAX_COLORS) throw new DataError(`${name}: broken BMP: a palette of ${count} colours`);
  const entries = bytes.subarray(end, end + entryBytes * count);
  const pixelsAt = header.pixelsAt || end + entries.length;
  const isGrey = (entry: number, level: number) =>
    [0, 1, 2].every((c) => entry * entryBytes + c < entries.length && entries[entry * entryBytes + c] === level);
  const colors = new Uint8Array(256 * 3);
  const countsUp = count !== 2 && Array.from({ length: count }, (_, i) => i).every((i) => isGrey(i, i & 255));
  if (countsUp) {
    for (let i = 0; i < 256; i++) colors.fill(i, 3 * i, 3 * i + 3);
    return { colors, bits: 8, pixelsAt, isBlackAndWhite: false };
  }
  if (count === 2 && isGrey(0, 0) && isGrey(1, 255)) {
    colors.fill(255, 3, 6);
    return { colors, bits: 1, pixelsAt, isBlackAndWhite: true };
  }
  const whole = Math.floor(entries.length / entryBytes);
  if (whole > 256) throw new DataError(`${name}: broken BMP: a palette of ${whole} colours, at most 256 are possible`);
  for (let i = 0; i < whole; i++) for (let c = 0; c < 3; c++) colors[3 * i + c] = entries[i * entryBytes + 2 - c];
  return { colors, bits: header.bits, pixelsAt, isBlackAndWhite: false };
}
