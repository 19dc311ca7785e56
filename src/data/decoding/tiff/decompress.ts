/**
 * Undoes TIFF's compressions: none, LZW, Deflate and PackBits.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { inflate } from "../inflate/inflate.ts";

/** Decompresses `size` bytes of a strip or tile. Throws DataError if it has fewer, or is damaged. */
export type Decompress = (
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  name: string,
) => Uint8Array | Promise<Uint8Array>;

const broken = (name: string, what: string) => new DataError(`${name}: broken TIFF: ${what}`);
const tooShort = (name: string, found: number, size: number) =>
  broken(name, `a part of the image holds ${found} bytes, expected ${size} (is it truncated?)`);

/**
 * The most bytes that one stored byte can encode. PackBits: a run of 128 in two bytes. LZW: a string of the table's
 * length in 12 bits.
 */
const PACK_BITS_RATIO = 64;
const LZW_RATIO = 2731;

/** By the number in the file. PIL knows other compressions too. */
export const DECOMPRESS: Readonly<Record<number, Decompress>> = {
  1(bytes, size, name) {
    if (bytes.length < size) throw tooShort(name, bytes.length, size);
    return bytes.subarray(0, size);
  },
  5: unpackLzw,
  8: unpackDeflate,
  32946: unpackDeflate,
  32773: unpackBits,
};

async function unpackDeflate(bytes: Uint8Array<ArrayBuffer>, size: number, name: string): Promise<Uint8Array> {
  const data = await inflate([bytes], size, name, "TIFF");
  if (data.length < size) throw tooShort(name, data.length, size);
  return data;
}

function unpackBits(bytes: Uint8Array, size: number, name: string): Uint8Array {
  if (size > PACK_BITS_RATIO * bytes.length) throw tooShort(name, bytes.length, size);
  const out = new Uint8Array(size);
  let filled = 0;
  for (let at = 0; filled < size && at < bytes.length;) {
    const head = bytes[at++];
    if (head === 128) continue;
    if (head < 128) {
      const run = bytes.subarray(at, Math.min(at + head + 1, at + size - filled));
      out.set(run, filled);
      filled += run.length;
      at += head + 1;
    } else if (at < bytes.length) {
      const length = Math.min(257 - head, size - filled);
      out.fill(bytes[at++], filled, filled + length);
      filled += length;
    }
  }
  if (filled < size) throw tooShort(name, filled, size);
  return out;
}

const CLEAR = 256;
const END = 257;
const MAX_CODE_BITS = 12;
const TABLE = 1 << MAX_CODE_BITS;

function unpackLzw(bytes: Uint8Array, size: number, name: string): Uint8Array {
  if (size > LZW_RATIO * bytes.length) throw tooShort(name, bytes.length, size);
  const out = new Uint8Array(size);
  // A code stands for bytes that are already in the output: those of an earlier code plus the next byte.
  const starts = new Uint32Array(TABLE + 1), lengths = new Uint16Array(TABLE + 1);
  let filled = 0, next = END + 1, bits = 9, last = -1;
  for (let bit = 0; filled < size && bit + bits <= bytes.length * 8;) {
    let code = 0;
    for (let i = 0; i < bits; i++, bit++) code = (code << 1) | ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1);
    if (code === END) break;
    if (code === CLEAR) {
      [next, bits, last] = [END + 1, 9, -1];
      continue;
    }
    if (code > END && (code > next || last < 0)) throw broken(name, "its compressed data are damaged");
    if (last >= 0 && next <= TABLE) {
      // The previous string and the first byte of this one are adjacent in the output.
      const length = last < CLEAR ? 1 : lengths[last];
      starts[next] = filled - length;
      lengths[next] = length + 1;
    }
    if (code < CLEAR) out[filled++] = code;
    else for (let i = 0; i < lengths[code] && filled < size; i++, filled++) out[filled] = out[starts[code] + i];
    if (last >= 0 && next < TABLE) next++;
    // The code length grows one code early.
    if (next >= (1 << bits) - 1 && bits < MAX_CODE_BITS) bits++;
    last = code;
  }
  if (filled < size) throw tooShort(name, filled, size);
  return out;
}
