/**
 * Inflates deflate streams (RFC 1951) in zlib's format (RFC 1950) that the platform's inflater refuses. zlib accepts
 * them if it is called row by row, as in PIL: streams with trailing bytes, without a checksum, or with less data than
 * expected.
 *
 * @module
 */

/** The result of inflating a stream. */
export interface Inflated {
  /** Number of bytes written. */
  readonly filled: number;
  /** What is wrong with the stream. Undefined if `out` is full or the stream is complete. */
  readonly fault?: string;
}

const DAMAGED = "its compressed data are damaged";
const TRUNCATED = "its compressed data are truncated";

/** Base value and extra bits of the length codes from 257, and of the distance codes from 0. */
const LENGTHS = ranges([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5], 3);
LENGTHS.push({ base: 258, extra: 0 });
const DISTANCES = ranges(Array.from({ length: 30 }, (_, i) => Math.max((i >> 1) - 1, 0)), 1);
/** The order in which a block's header lists the lengths of the code-length codes. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;
const MAX_BITS = 15;

function ranges(extras: readonly number[], first: number): { base: number; extra: number }[] {
  let next = first;
  return extras.map((extra) => {
    const base = next;
    next += 1 << extra;
    return { base, extra };
  });
}

/** Thrown at the end of the input, and for invalid input. */
class Stop extends Error {}

/** Inflates `bytes` into `out` until it is full, the stream ends or something is wrong with it. */
export function inflateByHand(bytes: Uint8Array, out: Uint8Array): Inflated {
  const bits = new Bits(bytes);
  const state = { out, filled: 0 };
  try {
    const header = (bits.take(8) << 8) | bits.take(8);
    if (header % 31 !== 0 || (header >> 8 & 15) !== 8 || header >> 12 > 7 || header & 0x20) throw new Stop(DAMAGED);
    for (let isLast = false; !isLast;) {
      isLast = bits.take(1) === 1;
      const kind = bits.take(2);
      if (kind === 3) throw new Stop(DAMAGED);
      const isFull = kind === 0 ? stored(bits, state) : coded(bits, state, kind === 1 ? fixed() : dynamic(bits));
      if (isFull) return { filled: out.length };
    }
    bits.align();
    const checksum = bits.rest(4);
    // zlib waits for the rest of a truncated checksum. This does not matter if all bytes are already in the output.
    if (checksum.length < 4) throw new Stop(TRUNCATED);
    if (new DataView(checksum.buffer).getUint32(0) !== adler32(out.subarray(0, state.filled))) {
      return { filled: state.filled, fault: "its pixels' checksum is wrong" };
    }
    return { filled: state.filled };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const isWhole = state.filled === out.length && error.message === TRUNCATED;
    return { filled: state.filled, fault: isWhole ? undefined : error.message };
  }
}

/** The output and the number of bytes in it. */
interface Output {
  readonly out: Uint8Array;
  filled: number;
}

/** Copies an uncompressed block. Returns true if it has more bytes than fit into `out`. */
function stored(bits: Bits, state: Output): boolean {
  bits.align();
  const length = bits.take(16);
  if (bits.take(16) !== (length ^ 0xffff)) throw new Stop(DAMAGED);
  const room = state.out.length - state.filled;
  const data = bits.rest(Math.min(length, room));
  state.out.set(data, state.filled);
  state.filled += data.length;
  if (data.length < Math.min(length, room)) throw new Stop(TRUNCATED);
  return length > room;
}

/** Inflates a compressed block. Returns true if it has more bytes than fit into `out`. */
function coded(bits: Bits, state: Output, { literals, distances }: Codes): boolean {
  const { out } = state;
  for (;;) {
    const symbol = literals.next(bits);
    if (symbol === END_OF_BLOCK) return false;
    if (symbol < END_OF_BLOCK) {
      if (state.filled === out.length) return true;
      out[state.filled++] = symbol;
      continue;
    }
    const length = valueOf(LENGTHS, symbol - END_OF_BLOCK - 1, bits);
    const distance = valueOf(DISTANCES, distances.next(bits), bits);
    if (distance > state.filled) throw new Stop(DAMAGED);
    for (let i = 0; i < length; i++) {
      if (state.filled === out.length) return true;
      out[state.filled] = out[state.filled - distance];
      state.filled++;
    }
  }
}

function valueOf(table: readonly { base: number; extra: number }[], index: number, bits: Bits): number {
  if (index >= table.length) throw new Stop(DAMAGED);
  return table[index].base + bits.take(table[index].extra);
}

/** The two codes of a block. */
interface Codes {
  readonly literals: Code;
  readonly distances: Code;
}

function fixed(): Codes {
  const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  return { literals: new Code(lengths), distances: new Code(new Uint8Array(32).fill(5)) };
}

function dynamic(bits: Bits): Codes {
  const literalCount = 257 + bits.take(5), distanceCount = 1 + bits.take(5), count = 4 + bits.take(4);
  if (literalCount > 286 || distanceCount > 30) throw new Stop(DAMAGED);
  const short = new Uint8Array(19);
  for (let i = 0; i < count; i++) short[ORDER[i]] = bits.take(3);
  const code = new Code(short);
  if (!code.isComplete) throw new Stop(DAMAGED);
  const lengths = new Uint8Array(literalCount + distanceCount);
  for (let i = 0; i < lengths.length;) {
    const symbol = code.next(bits);
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol === 16 && i === 0) throw new Stop(DAMAGED);
    const value = symbol === 16 ? lengths[i - 1] : 0;
    const times = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (i + times > lengths.length) throw new Stop(DAMAGED);
    lengths.fill(value, i, i + times);
    i += times;
  }
  const literals = new Code(lengths.subarray(0, literalCount));
  const distances = new Code(lengths.subarray(literalCount));
  const isUsable = (code: Code) => code.isComplete || code.longest <= 1;
  if (lengths[END_OF_BLOCK] === 0 || !isUsable(literals) || !isUsable(distances)) throw new Stop(DAMAGED);
  return { literals, distances };
}

/** A canonical Huffman code, defined by the code length of each symbol. */
class Code {
  /** Whether every sequence of bits is a code. */
  readonly isComplete: boolean;
  /** Length of the longest code in bits. */
  readonly longest: number;
  readonly #counts = new Uint16Array(MAX_BITS + 1);
  readonly #symbols: Uint16Array;

  constructor(lengths: Uint8Array) {
    for (const length of lengths) this.#counts[length]++;
    this.#counts[0] = 0;
    this.longest = this.#counts.findLastIndex((count) => count > 0);
    const next = new Uint16Array(MAX_BITS + 2);
    let left = 1;
    for (let length = 1; length <= MAX_BITS; length++) {
      left = 2 * left - this.#counts[length];
      if (left < 0) throw new Stop(DAMAGED);
      next[length + 1] = next[length] + this.#counts[length];
    }
    this.isComplete = left === 0;
    this.#symbols = new Uint16Array(lengths.length);
    lengths.forEach((length, symbol) => {
      if (length > 0) this.#symbols[next[length]++] = symbol;
    });
  }

  /** Reads the next symbol. */
  next(bits: Bits): number {
    for (let length = 1, code = 0, first = 0, index = 0; length <= MAX_BITS; length++) {
      code |= bits.take(1);
      const count = this.#counts[length];
      if (code - first < count) return this.#symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Stop(DAMAGED);
  }
}

/** A reader of the input's bits, lowest bit of a byte first. */
class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #left = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads `count` bits, at most 16, as a number. */
  take(count: number): number {
    while (this.#left < count) {
      if (this.#at >= this.#bytes.length) throw new Stop(TRUNCATED);
      this.#held |= this.#bytes[this.#at++] << this.#left;
      this.#left += 8;
    }
    const value = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#left -= count;
    return value;
  }

  /** Skips to the next byte. */
  align(): void {
    this.take(this.#left & 7);
  }

  /** Returns a copy of the next `count` whole bytes, or fewer if the input ends. */
  rest(count: number): Uint8Array<ArrayBuffer> {
    this.#at -= this.#left >> 3;
    this.#left = this.#held = 0;
    const data = this.#bytes.slice(this.#at, this.#at + count);
    this.#at += data.length;
    return data;
  }
}

function adler32(bytes: Uint8Array): number {
  let a = 1, b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
