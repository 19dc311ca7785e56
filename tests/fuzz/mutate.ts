/** Damages files with small changes that readers often handle wrongly. */

import type { Random } from "./random.ts";

/** A file's bytes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Numbers around which comparisons, signs and multiplications go wrong. */
const NUMBERS = [0n, 1n, 7n, 8n, 127n, 128n, 255n, 256n, 32767n, 65535n, 65536n]
  .concat([1n << 24n, (1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n, 1n << 32n, 1n << 40n])
  .concat([(1n << 53n) - 1n, 1n << 53n, 1n << 60n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]);

/** What replaces a number or a name in a text. */
const WORDS = [
  "-1",
  "0",
  "1",
  "4294967296",
  "9007199254740993",
  "1e308",
  "0.5",
  "null",
  "[]",
  "{}",
  '"',
  '""',
  "__proto__",
]
  .concat(["constructor", "../../x", "\\u0000", "NaN", "[[[[", "true", "\n", "n01440764", "1000"]);

type Mutation = (bytes: Bytes, random: Random, others: readonly Bytes[]) => Bytes;

/** A place in the bytes, and a length from there, short more often than long. */
function range(bytes: Bytes, random: Random): [start: number, length: number] {
  const start = random.below(bytes.length);
  return [start, 1 + random.below(Math.min(bytes.length - start, 1 << random.below(13)))];
}

function join(...parts: Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function changed(bytes: Bytes, change: (copy: Bytes) => void): Bytes {
  const copy = bytes.slice();
  change(copy);
  return copy;
}

const MUTATIONS: readonly Mutation[] = [
  // A bit, a byte.
  (bytes, random) => changed(bytes, (b) => void (b[random.below(b.length)] ^= 1 << random.below(8))),
  (bytes, random) => changed(bytes, (b) => void (b[random.below(b.length)] = random.below(256))),
  // A number of 1, 2, 4 or 8 bytes, either end first.
  (bytes, random) =>
    changed(bytes, (b) => {
      const width = random.of([1, 2, 4, 8]), number = random.of(NUMBERS), at = random.below(b.length);
      const bigEndian = random.below(2) === 1;
      for (let i = 0; i < width && at + i < b.length; i++) {
        b[at + i] = Number(number >> BigInt(8 * (bigEndian ? width - 1 - i : i)) & 255n);
      }
    }),
  // A number of a text, or another word of it.
  (bytes, random) => {
    const start = random.below(bytes.length);
    const isWord = (byte: number) => byte >= 48 && byte <= 57 || byte >= 97 && byte <= 122 || byte === 95;
    let from = start;
    while (from < bytes.length && !isWord(bytes[from])) from++;
    let to = from;
    while (to < bytes.length && to < from + 40 && isWord(bytes[to])) to++;
    return join(bytes.subarray(0, from), new TextEncoder().encode(random.of(WORDS)), bytes.subarray(to));
  },
  // Cut off.
  (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  // A piece taken out, written twice, filled, moved, or taken from another file.
  (bytes, random) => {
    const [start, length] = range(bytes, random);
    return join(bytes.subarray(0, start), bytes.subarray(start + length));
  },
  (bytes, random) => {
    const [start, length] = range(bytes, random);
    const piece = bytes.subarray(start, start + length);
    const times = 1 + random.below(length < 64 ? 40 : 2);
    return join(bytes.subarray(0, start), ...Array(times).fill(piece), bytes.subarray(start));
  },
  (bytes, random) => {
    const [start, length] = range(bytes, random);
    return changed(bytes, (b) => void b.fill(random.of([0, 0x20, 0x55, 0xff]), start, start + length));
  },
  (bytes, random) => {
    const [start, length] = range(bytes, random);
    return changed(bytes, (b) => void b.copyWithin(random.below(b.length), start, start + length));
  },
  (bytes, random, others) => {
    const other = random.of(others);
    const [start, length] = range(other, random);
    const at = random.below(bytes.length);
    const keep = random.below(2) === 1 ? at : at + length;
    return join(bytes.subarray(0, at), other.subarray(start, start + length), bytes.subarray(keep));
  },
];

/** One of the files with one to six damages. */
export function mutate(seeds: readonly Bytes[], random: Random): Bytes {
  let bytes = random.of(seeds);
  for (let n = 1 + random.below(1 + random.below(6)); n > 0 && bytes.length > 0; n--) {
    bytes = random.of(MUTATIONS)(bytes, random, seeds);
  }
  return bytes;
}
