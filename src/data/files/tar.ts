/**
 * Lists the members of a tar file (POSIX ustar, pax and GNU), so that they can be read in place.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

/** A regular file in a tar file. */
export interface TarMember {
  /** Its path in the archive. */
  readonly name: string;
  /** Offset of its first byte in the tar file. */
  readonly offset: number;
  /** Its size in bytes. */
  readonly size: number;
}

const BLOCK = 512;
/** The header types of regular files. "7" is a contiguous file on some systems. */
const REGULAR = ["0", "\0", "7"];
/** The types of blocks before a file's header: POSIX (pax) records, and a long name in GNU tar. */
const PAX = "x", GNU_NAME = "L";
/** The most bytes of such a block. Names need far fewer. */
const MOST_EXTRA = 2 ** 20;

/**
 * Lists the regular files of a tar file of `size` bytes. `read` fills a buffer from an offset. In names, bytes that are
 * not UTF-8 become U+FFFD. Throws DataError if a header is damaged or a member ends after the end of the file.
 */
export function listTar(read: (into: Uint8Array, offset: number) => void, size: number, path: string): TarMember[] {
  const members: TarMember[] = [];
  const header = new Uint8Array(BLOCK);
  let extra: Partial<TarMember> = {};
  for (let at = 0; at + BLOCK <= size;) {
    read(header, at);
    if (header.every((byte) => byte === 0)) break;
    if (octal(header, 148, 8) !== checksum(header)) {
      throw new DataError(`${path}: not a tar file, or damaged: wrong header checksum at byte ${at}`);
    }
    const type = String.fromCharCode(header[156]);
    const isExtra = type === PAX || type === GNU_NAME;
    const length = (isExtra ? undefined : extra.size) ?? number(header, 124, 12);
    const offset = at + BLOCK;
    const name = (isExtra ? undefined : extra.name) ??
      [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== "").join("/");
    if (!Number.isSafeInteger(length) || offset + length > size) {
      throw new DataError(`${path}: the tar file is truncated: ${name} needs ${length} bytes at byte ${offset}`);
    }
    if (isExtra) {
      if (length > MOST_EXTRA) throw new DataError(`${path}: damaged: a name of ${length} bytes at byte ${offset}`);
      const bytes = new Uint8Array(length);
      read(bytes, offset);
      extra = { ...extra, ...(type === PAX ? paxRecords(bytes) : { name: text(bytes, 0, length) }) };
    } else {
      if (REGULAR.includes(type)) members.push({ name, offset, size: length });
      extra = {};
    }
    at = offset + Math.ceil(length / BLOCK) * BLOCK;
  }
  return members;
}

/** Reads the "LENGTH KEY=VALUE\n" records about the next file. LENGTH counts the whole record. */
function paxRecords(bytes: Uint8Array): Partial<TarMember> {
  const values = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space > at ? Number(text(bytes, at, space - at)) : NaN;
    if (!(length > space - at && at + length <= bytes.length)) break;
    const [, key, value] = /^([^=]*)=([^]*?)\n?$/.exec(text(bytes, space + 1, at + length - space - 1)) ?? [];
    if (key !== undefined) values.set(key, value);
    at += length;
  }
  const [name, size] = [values.get("path"), values.get("size")];
  return {
    ...(name !== undefined && { name }),
    ...(size !== undefined && { size: /^\d+$/.test(size) ? Number(size) : NaN }),
  };
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/**
 * Reads a number: octal digits, or binary if the first bit is set. GNU tar writes numbers with too many digits in
 * binary.
 */
function number(header: Uint8Array, start: number, length: number): number {
  if (header[start] !== 0x80) return octal(header, start, length);
  return header.subarray(start + 1, start + length).reduce((value, byte) => value * 256 + byte, 0);
}

/** Reads an octal number in ASCII. Returns NaN for anything else. */
function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** The sum of the header's bytes, with spaces in place of the checksum field. */
function checksum(header: Uint8Array): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
}
