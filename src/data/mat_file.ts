/**
 * Struct arrays out of MATLAB's level 5 MAT files: what it takes to read the class table of ILSVRC-2012's development
 * kit.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** A field of a struct: a text, or the numbers of an array. */
export type MatValue = string | readonly number[];

/** One element of a struct array, by field name; fields that are neither text nor numbers are left out. */
export type MatStruct = ReadonlyMap<string, MatValue>;

/** Data types of elements. */
const Type = { MATRIX: 14, COMPRESSED: 15, UTF8: 16 } as const;
/** Classes of matrices. */
const STRUCT_CLASS = 2;
const CHAR_CLASS = 4;

/** Bytes and reader of each numeric element type. */
const NUMBERS: Readonly<Record<number, { bytes: number; read: (view: DataView, at: number) => number }>> = {
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  5: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  7: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  9: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  [Type.UTF8]: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

const HEADER_BYTES = 128;
/** A limit for what a compressed variable may inflate to; the class table has under 1 MB. */
const MAX_INFLATED = 64 << 20;

interface Element {
  readonly type: number;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where the element after this one starts. */
  readonly end: number;
}

/** The elements of the struct array `variable` of a MAT file. Throws DataError. */
export async function readMatStructs(
  bytes: Uint8Array<ArrayBuffer>,
  variable: string,
  path: string,
): Promise<MatStruct[]> {
  const fail = (what: string): never => {
    throw new DataError(`${path}: ${what}`);
  };
  if (bytes.length < HEADER_BYTES || String.fromCharCode(bytes[126], bytes[127]) !== "IM") {
    return fail("not a MAT file of level 5 (little-endian)");
  }
  try {
    for (let at = HEADER_BYTES; at < bytes.length;) {
      const element = readElement(bytes, at);
      at = element.end;
      const matrix = element.type === Type.COMPRESSED ? readElement(await inflate(element.body), 0) : element;
      if (matrix.type !== Type.MATRIX) continue;
      const { name, classId, parts } = readMatrix(matrix.body);
      if (name === variable && classId === STRUCT_CLASS) return readStructs(parts);
    }
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof TypeError)) throw cause;
    throw new DataError(`${path}: a damaged MAT file`, { cause });
  }
  return fail(`no struct array "${variable}" in the file`);
}

function readElement(bytes: Uint8Array<ArrayBuffer>, at: number): Element {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = view.getUint32(at, true);
  // A small element keeps its size in the upper half of the first word, and its bytes in the second.
  const isSmall = word >>> 16 > 0;
  const type = word & 0xffff;
  const size = isSmall ? word >>> 16 : view.getUint32(at + 4, true);
  const start = at + (isSmall ? 4 : 8);
  if (start + size > bytes.length) throw new RangeError(`an element of ${size} bytes at byte ${at}`);
  const padded = type === Type.COMPRESSED ? size : Math.ceil(size / 8) * 8;
  return { type, body: bytes.subarray(start, start + size), end: isSmall ? at + 8 : start + padded };
}

/** A matrix's elements: flags, dimensions and name, which are taken apart, then whatever its class holds. */
function readMatrix(body: Uint8Array<ArrayBuffer>): { name: string; classId: number; parts: Element[] } {
  const parts: Element[] = [];
  for (let at = 0; at + 8 <= body.length; at = parts[parts.length - 1].end) parts.push(readElement(body, at));
  const [flags, , name, ...rest] = parts;
  return { name: text(name.body), classId: flags.body[0], parts: rest };
}

/** Field name length, field names, then every field of every struct in turn. */
function readStructs([length, names, ...values]: Element[]): MatStruct[] {
  const [width] = numbers(length);
  if (!Number.isInteger(width)) throw new RangeError(`field names of ${width} bytes`);
  const fields: string[] = [];
  for (let at = 0; at < names.body.length && width > 0; at += width) {
    fields.push(text(names.body.subarray(at, at + width)));
  }
  const structs: Map<string, MatValue>[] = [];
  for (const [i, value] of values.entries()) {
    const field = i % fields.length;
    if (field === 0) structs.push(new Map());
    const { classId, parts } = readMatrix(value.body);
    if (parts.length === 0 || !(parts[0].type in NUMBERS)) continue;
    const content = numbers(parts[0]);
    structs[structs.length - 1].set(fields[field], classId === CHAR_CLASS ? String.fromCharCode(...content) : content);
  }
  return structs;
}

function numbers({ type, body }: Element): number[] {
  const { bytes, read } = NUMBERS[type];
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return Array.from({ length: Math.floor(body.length / bytes) }, (_, i) => read(view, i * bytes));
}

/** ASCII up to the first zero. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

async function inflate(compressed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const piece of ReadableStream.from([compressed]).pipeThrough(new DecompressionStream("deflate"))) {
    size += piece.length;
    if (size > MAX_INFLATED) throw new RangeError(`a variable of more than ${MAX_INFLATED} bytes`);
    pieces.push(piece);
  }
  // By hand: the bytes of a Blob stay in memory long after it is gone.
  const inflated = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    inflated.set(piece, at);
    at += piece.length;
  }
  return inflated;
}
