/**
 * The part of the zip format that torch.save uses: stored (uncompressed) entries, and zip64 for large files. Structures
 * follow PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import type { ByteSource } from "../tensors/state_dict.ts";

/** One file in the archive. */
export interface ZipEntry {
  /** Its path in the archive, shortened for messages. */
  readonly name: string;
  /** Its length in bytes. */
  readonly size: number;
  /** Offset of its local header in the archive. */
  readonly headerOffset: number;
  /** Why its bytes cannot be read directly ("compressed"). Undefined if they can. */
  readonly obstacle?: "compressed" | "encrypted";
}

/** Lengths of the fixed parts of the structures. */
const END = 22, END64 = 56, LOCATOR64 = 20, CENTRAL = 46, LOCAL = 30;
/** A comment of at most 65535 bytes may follow the end record. */
const MAX_TAIL = END + 0xffff;
/** The longest directory that is read. Those of real checkpoints have kilobytes. */
const MAX_DIRECTORY = 64 * 1024 * 1024;
const SIGNATURES = {
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  central: 0x02014b50,
  local: 0x04034b50,
};
const STORED = 0;
const ENCRYPTED_FLAG = 1;
/** Values of 32-bit and 16-bit fields if the number is in a zip64 field. */
const FULL32 = 0xffffffff, FULL16 = 0xffff;

/** Reads the directory. Throws CheckpointError if it is damaged. */
export async function readZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { count, offset, size } = await findDirectory(source);
  if (size > MAX_DIRECTORY) throw damaged(source, `its directory claims ${size} bytes`);
  const directory = await source.read(offset, size);
  const view = viewOf(directory);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL > size || view.getUint32(at, true) !== SIGNATURES.central) {
      throw damaged(source, `entry ${i} of ${count} is missing from its directory`);
    }
    const nameEnd = at + CENTRAL + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const end = extraEnd + view.getUint16(at + 32, true);
    if (end > size) throw damaged(source, `entry ${i} of ${count} runs over its directory's end`);
    const name = new TextDecoder().decode(directory.subarray(at + CENTRAL, nameEnd));
    if (entries.has(name)) throw damaged(source, `it holds ${excerpt(name)} twice`);
    entries.set(name, readEntry(source, excerpt(name).slice(1, -1), view, at, directory.subarray(nameEnd, extraEnd)));
    at = end;
  }
  return entries;
}

/** Throws CheckpointError if an entry's bytes are compressed or encrypted. */
export function checkStored(source: ByteSource, { name, obstacle }: ZipEntry): void {
  if (!obstacle) return;
  throw new CheckpointError(
    `${source.name}: ${name} is ${obstacle}, torch.save stores its files as they are. If this is an archive around a ` +
      `checkpoint, unpack it first; if the checkpoint itself was packed, unpack it and pack it with \`zip -0 -r\``,
  );
}

/**
 * Returns the offset of an entry's bytes. Throws CheckpointError if they are compressed, encrypted, or not all in the
 * archive.
 */
export async function zipDataOffset(source: ByteSource, entry: ZipEntry): Promise<number> {
  checkStored(source, entry);
  const { name, size, headerOffset } = entry;
  const view = viewOf(await source.read(headerOffset, LOCAL));
  if (view.getUint32(0, true) !== SIGNATURES.local) throw damaged(source, `${name} is not where its directory says`);
  const start = headerOffset + LOCAL + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + size > source.size) {
    throw damaged(source, `${name} claims bytes ${start} to ${start + size}, the file has ${source.size}`);
  }
  return start;
}

function readEntry(source: ByteSource, name: string, view: DataView, at: number, extra: Uint8Array): ZipEntry {
  const encrypted = (view.getUint16(at + 8, true) & ENCRYPTED_FLAG) !== 0;
  const compressed = view.getUint16(at + 10, true) !== STORED;
  const obstacle = encrypted ? "encrypted" : compressed ? "compressed" : undefined;
  const zip64 = zip64Fields(extra);
  const field = (offset: number) => {
    const value = view.getUint32(at + offset, true);
    if (value !== FULL32) return value;
    const wide = zip64.shift();
    if (wide === undefined) throw damaged(source, `${name} lacks its 64-bit sizes`);
    return wide;
  };
  // The 64-bit fields come in this order. Each exists only if its 32-bit field is full.
  const size = field(24), stored = field(20), headerOffset = field(42);
  if (!obstacle && size !== stored) {
    throw damaged(source, `${name} is stored, yet ${stored} bytes are to become ${size}`);
  }
  if (headerOffset + LOCAL + stored > source.size) {
    throw damaged(source, `${name} claims ${stored} bytes at ${headerOffset}, the file has ${source.size}`);
  }
  return { name, size, headerOffset, obstacle };
}

/** Returns the numbers of the zip64 extra field (id 1), if it exists. */
function zip64Fields(extra: Uint8Array): number[] {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length;) {
    const id = view.getUint16(at, true), length = Math.min(view.getUint16(at + 2, true), extra.length - at - 4);
    if (id === 1) {
      return Array.from({ length: length >> 3 }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)));
    }
    at += 4 + length;
  }
  return [];
}

async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailOffset = Math.max(0, source.size - MAX_TAIL);
  const tail = await source.read(tailOffset, source.size - tailOffset);
  const view = viewOf(tail);
  let found: { at: number; directory: Directory } | undefined;
  for (let at = tail.length - END; at >= 0; at--) {
    if (view.getUint32(at, true) !== SIGNATURES.end) continue;
    const directory = {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    };
    const end = at + END + view.getUint16(at + 20, true);
    // Find the record that ends the file. Some programs and servers add bytes after it, which PyTorch accepts. In that
    // case, take the last record that directly follows its directory.
    if (end === tail.length) {
      found = { at, directory };
      break;
    }
    // PyTorch always writes the 64-bit records between the directory and the end record.
    const gap = tailOffset + at - directory.offset - directory.size;
    const follows = isWide(directory) || gap === 0 || gap === END64 + LOCATOR64;
    if (end < tail.length && follows) found ??= { at, directory };
  }
  if (!found) throw damaged(source, "it has no directory at its end (was it downloaded to the end?)");
  return isWide(found.directory) ? await findDirectory64(source, tailOffset + found.at) : found.directory;
}

/** The position of the directory, and its number of entries. */
interface Directory {
  readonly count: number;
  readonly offset: number;
  readonly size: number;
}

/** Returns whether the numbers are in 64-bit fields instead. */
function isWide({ count, size, offset }: Directory): boolean {
  return count === FULL16 || size === FULL32 || offset === FULL32;
}

async function findDirectory64(source: ByteSource, end: number): Promise<Directory> {
  if (end < LOCATOR64) throw damaged(source, "its 64-bit directory is missing");
  const locator = viewOf(await source.read(end - LOCATOR64, LOCATOR64));
  if (locator.getUint32(0, true) !== SIGNATURES.locator64) throw damaged(source, "its 64-bit directory is missing");
  const view = viewOf(await source.read(Number(locator.getBigUint64(8, true)), END64));
  if (view.getUint32(0, true) !== SIGNATURES.end64) throw damaged(source, "its 64-bit directory is missing");
  const number = (at: number) => Number(view.getBigUint64(at, true));
  return { count: number(32), size: number(40), offset: number(48) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(source: ByteSource, why: string): CheckpointError {
  return new CheckpointError(`${source.name}: a damaged zip archive: ${why}`);
}
