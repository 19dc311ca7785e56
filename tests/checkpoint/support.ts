/** Shared by the tests of src/checkpoint: fixtures, and hand-made files that no normal program writes. */

import type { Tensor } from "../../src/checkpoint/tensors/state_dict.ts";

/** Path of a file that tests/reference/write_checkpoint_fixtures.py wrote. */
export function fixture(name: string): string {
  return new URL(`../fixtures/checkpoint/${name}`, import.meta.url).pathname;
}

/** Path of a file that tests/reference/write_checkpoint_kind_fixtures.py wrote. */
export function kind(name: string): string {
  return new URL(`../fixtures/checkpoint_kinds/${name}`, import.meta.url).pathname;
}

/** The fixtures' network. */
export const NET: readonly string[] = [
  "conv.weight F32 [3, 2, 3, 3]",
  "bn.weight F32 [3]",
  "bn.bias F32 [3]",
  "bn.running_mean F32 [3]",
  "bn.running_var F32 [3]",
  "bn.num_batches_tracked I64 []",
];

/** What the fixtures' tensors of n elements hold. */
export function ramp(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i - 20);
}

/** Names, types and shapes in order. */
export function describe(tensors: ReadonlyMap<string, Tensor>): string[] {
  return [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(", ")}]`);
}

/** Bytes of numbers (one each), text and other bytes, joined. */
export function bytes(...parts: (number | string | Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const arrays = parts.map((part) => {
    if (typeof part === "number") return [part];
    return typeof part === "string" ? encoder.encode(part) : part;
  });
  const joined = new Uint8Array(arrays.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}

/** A little-endian whole number. */
export function little(value: number | bigint, width: number): number[] {
  return Array.from({ length: width }, (_, i) => Number(BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * i) & 255n));
}

/** Pieces of pickles. */
export const pickle = {
  start: [0x80, 2],
  stop: ".",
  text: (s: string) => bytes("X", little(new TextEncoder().encode(s).length, 4), s),
  int: (n: number) => bytes("J", little(n, 4)),
  long: (n: number | bigint) => bytes(0x8a, 8, little(n, 8)),
  global: (module: string, name: string) => `c${module}\n${name}\n`,
  tuple: (...items: Uint8Array[]) => bytes("(", ...items, "t"),
  dict: (...items: Uint8Array[]) => bytes("}(", ...items, "u"),
};

/** A tensor in a pickle; every part of it may lie. */
export function tensorPickle(
  { key = "0", length = 4, offset = 0, shape = [4], strides = [1], type = "FloatStorage" }: {
    key?: string;
    length?: number | bigint;
    offset?: number | bigint;
    shape?: (number | bigint)[];
    strides?: (number | bigint)[];
    type?: string;
  } = {},
): Uint8Array<ArrayBuffer> {
  const { tuple, text, long, global } = pickle;
  const id = tuple(text("storage"), bytes(global("torch", type)), text(key), text("cpu"), long(length));
  return bytes(
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(
      bytes(id, "Q"),
      long(offset),
      tuple(...shape.map(long)),
      tuple(...strides.map(long)),
      bytes(0x89),
      bytes(global("collections", "OrderedDict"), ")R"),
    ),
    "R",
  );
}

/** A file in an archive; what the directory claims may lie. */
export interface ZipFile {
  name: string;
  data: Uint8Array;
  method?: number;
  flags?: number;
  size?: number;
  stored?: number;
  offset?: number;
}

/** A zip archive. With zip64, sizes and offsets are written in the 64-bit fields. */
export function zip(files: readonly ZipFile[], { zip64 = false } = {}): Uint8Array<ArrayBuffer> {
  let body = bytes(), directory = bytes();
  for (const file of files) {
    const { name, data, method = 0, flags = 0, size = data.length, stored = data.length, offset = body.length } = file;
    const sizes = zip64 ? [-1, -1] : [stored, size];
    const extra = zip64
      ? [...little(1, 2), ...little(24, 2), ...[size, stored, offset].flatMap((n) => little(n, 8))]
      : [];
    const common = [little(flags, 2), little(method, 2), little(0, 8), little(sizes[0], 4), little(sizes[1], 4)].flat();
    body = bytes(body, "PK", 3, 4, little(45, 2), common, little(name.length, 2), little(0, 2), name, data);
    const lengths = bytes(little(name.length, 2), little(extra.length, 2));
    const place = bytes(little(0, 10), little(zip64 ? -1 : offset, 4));
    directory = bytes(directory, "PK", 1, 2, little(45, 2), little(45, 2), common, lengths, place, name, extra);
  }
  const start = body.length, count = files.length;
  const end64 = zip64
    ? bytes("PK", 6, 6, little(44, 8), little(45, 4), little(0, 8), little(count, 8), little(count, 8))
    : bytes();
  const locator = zip64 ? bytes("PK", 6, 7, little(0, 4), little(start + directory.length, 8), little(1, 4)) : bytes();
  const rest64 = zip64 ? bytes(little(directory.length, 8), little(start, 8)) : bytes();
  const counts = zip64 ? little(-1, 4) : [...little(count, 2), ...little(count, 2)];
  const places = zip64 ? little(-1, 8) : [...little(directory.length, 4), ...little(start, 4)];
  return bytes(body, directory, end64, rest64, locator, "PK", 5, 6, little(0, 4), counts, places, little(0, 2));
}

/** A zip checkpoint around a pickle, with storage "0" of four float32. */
export function torchZip(pickled: Uint8Array, more: readonly ZipFile[] = []): Uint8Array<ArrayBuffer> {
  return zip([
    { name: "archive/data.pkl", data: pickled },
    { name: "archive/data/0", data: new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer) },
    ...more,
  ]);
}

/** The number that a legacy file begins with, as protocol 2 writes it. */
const LEGACY_MAGIC = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

/** A legacy checkpoint around a pickle; `rest` is the list of storages and what follows. */
export function torchLegacy(pickled: Uint8Array, rest: Uint8Array, littleEndian = 0x88): Uint8Array<ArrayBuffer> {
  const { start, stop, text, dict } = pickle;
  const system = bytes(start, dict(text("little_endian"), bytes(littleEndian)), stop);
  return bytes(LEGACY_MAGIC, start, "M", little(1001, 2), stop, system, pickled, rest);
}

/** A safetensors file whose header may lie. */
export function safetensors(header: unknown, data = 0, headerLength?: number | bigint): Uint8Array<ArrayBuffer> {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  return bytes(little(headerLength ?? text.length, 8), text, new Uint8Array(data));
}
