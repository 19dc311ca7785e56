/**
 * Parses the structure of a TIFF file (revision 6.0): the tags of its first image.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";

/** The tags that decoding reads. */
export const Tag = {
  WIDTH: 256,
  HEIGHT: 257,
  BITS: 258,
  COMPRESSION: 259,
  PHOTOMETRIC: 262,
  FILL_ORDER: 266,
  STRIP_OFFSETS: 273,
  ORIENTATION: 274,
  SAMPLES: 277,
  ROWS_PER_STRIP: 278,
  STRIP_BYTES: 279,
  PLANES: 284,
  PREDICTOR: 317,
  COLOR_MAP: 320,
  TILE_WIDTH: 322,
  TILE_HEIGHT: 323,
  TILE_OFFSETS: 324,
  TILE_BYTES: 325,
  EXTRA_SAMPLES: 338,
  SAMPLE_FORMAT: 339,
} as const;

/** A TIFF file's first directory. */
export interface TiffTags {
  /** Whether the lowest byte of a number comes first. */
  readonly littleEndian: boolean;
  /** Returns the numbers of a tag. Returns none if the file lacks the tag. */
  numbers(tag: number): readonly number[];
}

const ENTRY_BYTES = 12;
const SHORT = 3;
const LONG = 4;
const BYTE = 1;
/** Bytes per number, by the types of unsigned numbers. */
const TYPE_BYTES: Readonly<Record<number, number>> = { [BYTE]: 1, [SHORT]: 2, [LONG]: 4 };

/** Reads the first directory. Throws DataError. */
export function readTags(bytes: Uint8Array<ArrayBuffer>, name: string): TiffTags {
  const truncated = () => new DataError(`${name}: broken TIFF: the file is truncated`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = bytes[0] === 0x49;
  if (bytes.length < 8) throw truncated();
  const start = view.getUint32(4, littleEndian);
  if (start + 2 > bytes.length) throw truncated();
  const count = view.getUint16(start, littleEndian);
  if (start + 2 + count * ENTRY_BYTES > bytes.length) throw truncated();
  const tags = new Map<number, readonly number[]>();
  const wanted: readonly number[] = Object.values(Tag);
  for (let i = 0, at = start + 2; i < count; i++, at += ENTRY_BYTES) {
    const tag = view.getUint16(at, littleEndian);
    const size = TYPE_BYTES[view.getUint16(at + 2, littleEndian)];
    const length = view.getUint32(at + 4, littleEndian);
    if (!wanted.includes(tag) || !size) continue;
    const from = length * size > 4 ? view.getUint32(at + 8, littleEndian) : at + 8;
    if (from + length * size > bytes.length) throw truncated();
    tags.set(
      tag,
      Array.from({ length }, (_, k) => {
        const offset = from + k * size;
        return size === 4
          ? view.getUint32(offset, littleEndian)
          : size === 2
          ? view.getUint16(offset, littleEndian)
          : view.getUint8(offset);
      }),
    );
  }
  return { littleEndian, numbers: (tag) => tags.get(tag) ?? [] };
}
