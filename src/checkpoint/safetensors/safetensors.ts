/**
 * The safetensors format: eight bytes with the header's length, a JSON header with the type, shape and byte range of
 * every tensor, then the bytes. https://github.com/huggingface/safetensors#format
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { duplicateKey } from "./json_keys.ts";
import { type ByteSource, type DType, DTYPE_BYTES, type StateDict, type Tensor } from "../tensors/state_dict.ts";

/** The limit of the format. */
const MAX_HEADER = 100_000_000;
/** The header entry with strings about the file. */
const METADATA = "__metadata__";

/** The content of a safetensors file. */
export interface SafetensorsFile {
  /** Its tensors, in the order of the header. */
  tensors: StateDict;
  /** Its `__metadata__`, empty if it has none. */
  metadata: Record<string, string>;
}

/** The position of one tensor. Offsets count from the end of the header. */
interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
  /** Why it cannot be read, if its type is unknown. */
  readonly unreadable?: string;
}

/** Returns whether the bytes look like a safetensors file: a plausible header length, followed by an object. */
export async function isSafetensors(source: ByteSource): Promise<boolean> {
  if (source.size < 10) return false;
  const start = await source.read(0, 9);
  return start[8] === 0x7b && headerLength(start) <= source.size - 8;
}

/**
 * Reads the header. Tensors are read on demand. Throws CheckpointError if the header breaks the format's rules: every
 * byte after it belongs to exactly one tensor, and the byte ranges match the types and shapes.
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const fail = (why: string) => new CheckpointError(`${source.name}: not a valid safetensors file: ${why}`);
  if (source.size < 8) throw fail(`${source.size} bytes are too short for a header`);
  const length = headerLength(await source.read(0, 8));
  if (length > MAX_HEADER) throw fail(`its header claims ${length} bytes, at most ${MAX_HEADER} are allowed`);
  if (8 + length > source.size) throw fail(`its header claims ${length} bytes, the file has ${source.size}`);
  const header = parseHeader(await source.read(8, length), fail);

  const metadata = readMetadata(header[METADATA], fail);
  const entries = Object.entries(header).filter(([name]) => name !== METADATA)
    .map(([name, value]) => readEntry(name, value, fail));
  checkLayout(entries, source.size - 8 - length, fail);

  const tensors: StateDict = new Map();
  for (const { name, dtype, shape, begin, end, unreadable } of entries) {
    const read = unreadable === undefined
      ? () => source.read(8 + length + begin, end - begin)
      : () => Promise.reject(new CheckpointError(`${source.name}: ${name}: ${unreadable}`));
    tensors.set(name, { dtype, shape, read, ...(unreadable !== undefined && { unreadable }) });
  }
  return { tensors, metadata };
}

type Fail = (why: string) => CheckpointError;

function headerLength(bytes: Uint8Array<ArrayBuffer>): number {
  // Beyond 2^53 the number is not exact, but it is refused anyway.
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

function parseHeader(bytes: Uint8Array<ArrayBuffer>, fail: Fail): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw fail("its header is not a JSON object");
  const twice = duplicateKey(text);
  if (twice !== undefined) throw fail(`its header names ${excerpt(twice)} twice`);
  return header;
}

function readMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || Object.values(value).some((v) => typeof v !== "string")) {
    throw fail(`${METADATA} has to map names to strings`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown, fail: Fail): Entry {
  if (!isRecord(value)) throw fail(`${excerpt(name)} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !/^[A-Z]\w{0,19}$/.test(dtype)) {
    throw fail(`${excerpt(name)} has the type ${excerpt(dtype)}, which is none`);
  }
  if (!isSizes(shape)) throw fail(`${excerpt(name)} has the shape ${excerpt(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw fail(`${excerpt(name)} has the offsets ${excerpt(offsets)}`);
  }
  const [begin, end] = offsets;
  if (!Object.hasOwn(DTYPE_BYTES, dtype)) {
    // Newer types, or types of less than a byte: their expected length is unknown.
    if (end < begin) throw fail(`${excerpt(name)} ends at ${end}, before it begins`);
    const unreadable =
      `the element type ${dtype} is not supported. In PyTorch, save a float32 tensor of its numbers instead`;
    return { name, dtype: "U8", shape, begin, end, unreadable };
  }
  const bytes = shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype as DType]);
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    throw fail(`${excerpt(name)} (${dtype} ${excerpt(shape)}) takes ${bytes} bytes, its offsets give ${end - begin}`);
  }
  return { name, dtype: dtype as DType, shape, begin, end };
}

/** Checks that every byte belongs to exactly one tensor. */
function checkLayout(entries: readonly Entry[], size: number, fail: Fail): void {
  let at = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) {
      throw fail(
        `${excerpt(name)} starts at byte ${begin}, ${begin < at ? "inside another tensor" : `behind a gap from ${at}`}`,
      );
    }
    at = end;
  }
  if (at !== size) throw fail(`its tensors take ${at} bytes, the file has ${size} for them (is it truncated?)`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** Returns the header of a file with these tensors, and the order of their bytes after it. */
export function encodeSafetensorsHeader(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array<ArrayBuffer>; order: [string, Tensor][]; size: number } {
  // Wide elements come first, so every tensor is aligned to its elements. The header keeps the given order.
  const order = [...tensors].sort(([, a], [, b]) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  const ranges = new Map<string, [number, number]>();
  let size = 0;
  for (const [name, tensor] of order) {
    const begin = size;
    size += byteLength(tensor);
    ranges.set(name, [begin, size]);
  }
  const members: [string, unknown][] = [...tensors].map(([name, { dtype, shape }]) => [
    name,
    { dtype, shape, data_offsets: ranges.get(name) },
  ]);
  if (Object.keys(metadata).length) members.unshift([METADATA, metadata]);
  // Written member by member: an object would move names that look like numbers to its front.
  const json = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
  const text = new TextEncoder().encode(json);
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return { header, order, size: header.length + size };
}

/** Number of bytes of a tensor. */
export function byteLength({ dtype, shape }: Tensor): number {
  return shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype]);
}
