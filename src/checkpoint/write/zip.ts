/**
 * Writes zip archives as torch.save does. Entries are stored, and their bytes start at multiples of 64, so that they
 * can be mapped into memory. zip64 fields are used if a number needs more than 32 bits. Structures follow PKWARE's
 * APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.
 *
 * @module
 */

import { crc32 } from "../../crc32.ts";
import { CheckpointError } from "../../errors.ts";

/** A file to store in an archive. */
export interface ZipContent {
  /** Its path in the archive, ASCII. */
  readonly name: string;
  /** Its length in bytes. */
  readonly size: number;
  /** Its bytes. Called when the entry is written. */
  read(): Promise<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>;
}

/** A stored file. */
export interface ZipRecord extends Pick<ZipContent, "name" | "size"> {
  /** CRC-32 of its bytes. */
  readonly crc: number;
  /** Offset of its local header in the archive. */
  readonly offset: number;
}

/** The bytes of entries start at multiples of this. */
export const ALIGNMENT = 64;

const FULL16 = 0xffff, FULL32 = 0xffffffff;
/** zip64 needs version 4.5 of the format. */
const VERSION = 45;
/** 1 January 1980, the format's first day. With a fixed date, equal contents make equal archives. */
const TIME = 0, DATE = 0x21;
/** Length of a local header's fixed part, and of an extra field's header. */
const LOCAL = 30, EXTRA = 4;
/** Extra fields: zip64's numbers, and padding under torch.save's name ("FB"). */
const ZIP64 = 1, PADDING = 0x4246;

/**
 * Writes an archive from start to end, one entry in memory at a time. Calls `onProgress` with the number of content
 * bytes so far and the total. Throws CheckpointError if a content's length is not the claimed one.
 */
export async function writeZip(
  contents: readonly ZipContent[],
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const total = contents.reduce((n, { size }) => n + size, 0);
  const records: ZipRecord[] = [];
  let offset = 0, done = 0;
  for (const { name, size, read } of contents) {
    const bytes = await read();
    if (bytes.length !== size) throw new CheckpointError(`${name}: ${size} bytes expected, ${bytes.length} read`);
    const record = { name, size, crc: crc32(bytes), offset };
    const header = localHeader(record);
    await write(header);
    await write(bytes);
    records.push(record);
    offset += header.length + size;
    done += size;
    onProgress?.(done, total);
  }
  await write(directory(records, offset));
}

/** Returns the bytes before an entry's content: the local header, padded for alignment. */
export function localHeader({ name, size, crc, offset }: ZipRecord): Uint8Array<ArrayBuffer> {
  const wide = size >= FULL32 ? zip64(size, size) : new Uint8Array();
  const start = offset + LOCAL + name.length + wide.length + EXTRA;
  const padding = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
  return join(
    pack([4, 0x04034b50], ...common(size, crc), [2, name.length], [2, wide.length + EXTRA + padding]),
    ascii(name),
    wide,
    pack([2, PADDING], [2, padding]),
    new Uint8Array(padding),
  );
}

/** Returns the directory at the end of an archive. It starts at `offset`. */
export function directory(records: readonly ZipRecord[], offset: number): Uint8Array<ArrayBuffer> {
  const entries = join(...records.map(centralHeader));
  const numbers = { count: records.length, size: entries.length, offset };
  const wide = numbers.count >= FULL16 || numbers.size >= FULL32 || numbers.offset >= FULL32;
  return join(entries, wide ? end64(numbers) : new Uint8Array(), end(numbers));
}

interface DirectoryPlace {
  readonly count: number;
  readonly size: number;
  readonly offset: number;
}

function centralHeader({ name, size, crc, offset }: ZipRecord): Uint8Array {
  const wide = zip64(...(size >= FULL32 ? [size, size] : []), ...(offset >= FULL32 ? [offset] : []));
  return join(
    // After the lengths come comment, disk and attributes, all zero.
    pack([4, 0x02014b50], [2, VERSION], ...common(size, crc), [2, name.length], [2, wide.length], [2, 0], [8, 0]),
    pack([4, Math.min(offset, FULL32)]),
    ascii(name),
    wide,
  );
}

/** The end of a directory whose numbers do not fit into the plain end record. The plain one follows it. */
function end64({ count, size, offset }: DirectoryPlace): Uint8Array {
  const record = pack([8, 44], [2, VERSION], [2, VERSION], [8, 0], [8, count], [8, count], [8, size], [8, offset]);
  const locator = pack([4, 0x07064b50], [4, 0], [8, offset + size], [4, 1]);
  return join(pack([4, 0x06064b50]), record, locator);
}

function end({ count, size, offset }: DirectoryPlace): Uint8Array {
  const entries = Math.min(count, FULL16);
  const place: Field[] = [[4, Math.min(size, FULL32)], [4, Math.min(offset, FULL32)]];
  return pack([4, 0x06054b50], [4, 0], [2, entries], [2, entries], ...place, [2, 0]);
}

type Field = readonly [width: 2 | 4 | 8, value: number];

/** The fields that local headers and the directory share: version needed, flags, method (stored), up to the sizes. */
function common(size: number, crc: number): Field[] {
  const short = Math.min(size, FULL32);
  return [[2, VERSION], [2, 0], [2, 0], [2, TIME], [2, DATE], [4, crc], [4, short], [4, short]];
}

/** The extra field with the numbers that do not fit into their own fields. Empty if there are none. */
function zip64(...numbers: readonly number[]): Uint8Array {
  if (!numbers.length) return new Uint8Array();
  return pack([2, ZIP64], [2, 8 * numbers.length], ...numbers.map((n): Field => [8, n]));
}

/** Writes little-endian numbers. */
function pack(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((n, [width]) => n + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
