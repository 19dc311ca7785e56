/**
 * The table of contents of a tar file (POSIX ustar), so that its members can be read in place.
 *
 * @module
 */

import { DataError } from "../errors.ts";

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
const REGULAR = ["0", "\0"];

/**
 * Lists the regular files of a tar file of `size` bytes; `read` fills a buffer from an offset. Throws DataError where a
 * header is damaged or a member reaches beyond the file.
 */
export function listTar(read: (into: Uint8Array, offset: number) => void, size: number, path: string): TarMember[] {
  const members: TarMember[] = [];
  const header = new Uint8Array(BLOCK);
  for (let at = 0; at + BLOCK <= size;) {
    read(header, at);
    if (header.every((byte) => byte === 0)) break;
    if (octal(header, 148, 8) !== checksum(header)) {
      throw new DataError(`${path}: not a tar file, or damaged: wrong header checksum at byte ${at}`);
    }
    const length = octal(header, 124, 12);
    const offset = at + BLOCK;
    const name = [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== "").join("/");
    if (!Number.isSafeInteger(length) || offset + length > size) {
      throw new DataError(`${path}: the tar file is truncated: ${name} needs ${length} bytes at byte ${offset}`);
    }
    if (REGULAR.includes(String.fromCharCode(header[156]))) members.push({ name, offset, size: length });
    at = offset + Math.ceil(length / BLOCK) * BLOCK;
  }
  return members;
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
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
