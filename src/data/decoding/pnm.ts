/**
 * Decodes Netpbm's formats to RGB as PIL does: PBM, PGM and PPM, as text (P1 to P3) and binary (P4 to P6).
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import type { RgbImage } from "../pixels/image.ts";
import { checkSize } from "../pixels/limits.ts";

/** Samples per pixel, and whether they are text, by magic number. */
const KINDS: Readonly<Record<string, { channels: number; isText: boolean; isBitmap: boolean }>> = {
  "P1": { channels: 1, isText: true, isBitmap: true },
  "P2": { channels: 1, isText: true, isBitmap: false },
  "P3": { channels: 3, isText: true, isBitmap: false },
  "P4": { channels: 1, isText: false, isBitmap: true },
  "P5": { channels: 1, isText: false, isBitmap: false },
  "P6": { channels: 3, isText: false, isBitmap: false },
};

const MAX_TOKEN = 10;
const HASH = 0x23;
const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isLineEnd = (byte: number) => byte === 0x0a || byte === 0x0d;

/** Decodes a PBM, PGM or PPM file. Throws DataError. */
export function decodePnm(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  return Promise.resolve().then(() => decode(bytes, name));
}

function decode(bytes: Uint8Array<ArrayBuffer>, name: string): RgbImage {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken PNM: ${what}`);
  };
  const magic = String.fromCharCode(...bytes.subarray(0, 2));
  const kind = KINDS[magic];
  if (!kind || !isSpace(bytes[2])) return fail("expected P1 to P6 and a space at its start");
  const header = new Tokens(bytes, 3, fail);
  const width = header.number(), height = header.number();
  const largest = kind.isBitmap ? 1 : header.number();
  if (!(width > 0 && height > 0)) fail(`size ${width}x${height}`);
  checkSize(width, height, name);
  if (!(largest > 0 && largest < 65536)) fail(`a largest value of ${largest}, expected 1 to 65535`);

  const count = width * height * kind.channels;
  const found = bytes.length - header.at;
  const sampleBytes = largest > 255 && !kind.isText ? 2 : 1;
  const needed = kind.isBitmap && !kind.isText ? Math.ceil(width / 8) * height : count * sampleBytes;
  if (found < needed) fail(`the file is truncated: ${found} bytes of pixels, expected ${needed} at least`);

  const level = levels(largest, kind.channels === 1);
  const samples = new Uint8Array(count);
  if (kind.isBitmap) {
    const bits = kind.isText
      ? bitsOfText(bytes.subarray(header.at), count, fail)
      : bitsOf(bytes, header.at, width, height);
    for (let i = 0; i < count; i++) samples[i] = bits[i] ? 0 : 255;
  } else if (kind.isText) {
    const text = new Tokens(withoutComments(bytes.subarray(header.at)), 0, fail);
    for (let i = 0; i < count; i++) {
      const value = text.number();
      if (!(value >= 0 && value <= largest)) fail(`the value ${value}, expected 0 to ${largest}`);
      samples[i] = level(value);
    }
  } else {
    for (let i = 0, at = header.at; i < count; i++, at += sampleBytes) {
      samples[i] = level(sampleBytes === 2 ? (bytes[at] << 8) | bytes[at + 1] : bytes[at]);
    }
  }
  return { width, height, data: kind.channels === 3 ? samples : tripled(samples) };
}

/**
 * Converts a stored value to a byte. PIL scales grey of more than 8 bits to 0..65535 and clips it to 255 when it
 * converts.
 */
function levels(largest: number, isGrey: boolean): (value: number) => number {
  const isWide = isGrey && largest > 255;
  const most = isWide ? 65535 : 255;
  if (largest === most) return (value) => Math.min(value, 255);
  return (value) => Math.min(roundHalfToEven((value / largest) * most), 255);
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

/** Words between spaces, without comments. */
class Tokens {
  /** Offset at which the search for the next word starts. */
  at: number;
  readonly #bytes: Uint8Array;
  readonly #fail: (what: string) => never;

  constructor(bytes: Uint8Array, at: number, fail: (what: string) => never) {
    this.#bytes = bytes;
    this.at = at;
    this.#fail = fail;
  }

  /** Reads the next word as an integer. */
  number(): number {
    let token = "";
    while (token.length <= MAX_TOKEN && this.at < this.#bytes.length) {
      const byte = this.#bytes[this.at++];
      if (isSpace(byte)) {
        if (token !== "") break;
      } else if (byte === HASH) {
        while (this.at < this.#bytes.length && !isLineEnd(this.#bytes[this.at++]));
      } else token += String.fromCharCode(byte);
    }
    if (token === "") this.#fail("the file is truncated: a number is missing");
    // The syntax of Python's int().
    if (token.length > MAX_TOKEN || !/^[+-]?\d+(_\d+)*$/.test(token)) this.#fail(`expected a number, found "${token}"`);
    return Number(token.replaceAll("_", ""));
  }
}

/**
 * Returns `bytes` without comments. A comment goes from # to the end of its line, including the line end. The words
 * before and after it are joined.
 */
function withoutComments(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(HASH)) return bytes;
  const out = new Uint8Array(bytes.length);
  let length = 0, inComment = false;
  for (const byte of bytes) {
    if (inComment) inComment = !isLineEnd(byte);
    else if (byte === HASH) inComment = true;
    else out[length++] = byte;
  }
  return out.subarray(0, length);
}

function bitsOfText(bytes: Uint8Array, count: number, fail: (what: string) => never): Uint8Array {
  const bits = withoutComments(bytes).filter((byte) => !isSpace(byte));
  const other = bits.find((byte) => byte !== 0x30 && byte !== 0x31);
  if (other !== undefined) fail(`expected 0 or 1, found "${String.fromCharCode(other)}"`);
  if (bits.length < count) fail(`the file is truncated: ${bits.length} pixels, expected ${count}`);
  return bits.map((byte) => byte & 1);
}

function bitsOf(bytes: Uint8Array, start: number, width: number, height: number): Uint8Array {
  const bits = new Uint8Array(width * height);
  const stride = Math.ceil(width / 8);
  for (let i = 0; i < bits.length; i++) {
    const x = i % width;
    bits[i] = (bytes[start + Math.floor(i / width) * stride + (x >> 3)] >> (7 - (x & 7))) & 1;
  }
  return bits;
}

function tripled(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i], 3 * i, 3 * i + 3);
  return rgb;
}
