/**
 * The table of contents of a tar file (POSIX ustar and pax, and GNU's), so that its members can be read in place.
 *
 * @module
 */

import { DataError } from "../../errors.ts";

/** A regular file within a tar file. */
export interface TarMember {
  /** Its path within the archive. */
  readonly name: string;
  /** Where its bytes start in the tar file. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly size: number;
}

const BLOCK = 512;
/** Regular files, by the type in their header; "7" is one that some systems store in one piece. */
const REGULAR = ["0", "\0", "7"];
/** Before the header that they belong to: records of POSIX (pax), and a long name as GNU's tar writes it. */
const PAX = "x", GNU_NAME = "L";
/** Most bytes of such a block; far above what names take. */
const MOST_EXTRA = 2 ** 20;

/**
 * Lists the regular files of a tar file of `size` bytes; `read` fills a buffer from an offset. Bytes of names that are not
 * UTF-8 become U+FFFD. Throws DataError where a header is damaged or a member reaches beyond the file.
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

/** What "LENGTH KEY=VALUE\n" says of the file that follows: LENGTH counts all of the record. */
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

/** A number: octal digits, or, with the first bit set, the bytes themselves, as GNU's tar writes what has too many digits. */
function number(header: Uint8Array, start: number, length: number): number {
  if (header[start] !== 0x80) return octal(header, start, length);
  return header.subarray(start + 1, start + length).reduce((value, byte) => value * 256 + byte, 0);
}

/** An octal number in ASCII; NaN for anything else. */
function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** The sum of the header's bytes, its own field counted as spaces. */
function checksum(header: Uint8Array): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
}
