/**
 * Decodes WebP files to RGB. The result equals that of libwebp and PIL. Of an animation, the first frame is decoded, on
 * its canvas.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import type { RgbImage } from "../pixels/image.ts";
import { checkPlausible, checkSize } from "../pixels/limits.ts";
import { decodeWithWasm } from "./wasm/decoder.ts";

/**
 * A lossless WebP of one colour uses no bits per pixel. So an image of up to this many pixels is accepted whatever the
 * file's length.
 */
const FREE_PIXELS = 1 << 22;

const HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
/** Length of a frame's header before its chunks: position, size, duration and blending. */
const FRAME_HEADER_BYTES = 16;
const IS_ANIMATED = 2;
const HAS_ALPHA = 16;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Decodes a WebP file. Throws DataError. */
export async function decodeWebp(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  const { kind, isAnimated, ...size } = readHeader(bytes, name);
  checkSize(size.width, size.height, name);
  checkPlausible(size.width, size.height, bytes.length, name, { free: FREE_PIXELS });
  return kind === "VP8X" && isAnimated
    ? await firstFrame(bytes, size, name)
    : await decodeWithWasm("webp", bytes, name);
}

/** Reads the first chunk's kind and the size that it claims (RFC 9649, section 2). */
function readHeader(bytes: Uint8Array<ArrayBuffer>, name: string): Size & { kind: string; isAnimated: boolean } {
  if (bytes.length < 30) throw new DataError(`${name}: broken WebP: the file is truncated`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = String.fromCharCode(...bytes.subarray(12, 16));
  const isAnimated = (bytes[20] & IS_ANIMATED) !== 0;
  switch (kind) {
    case "VP8X":
      return { kind, isAnimated, width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { kind, isAnimated, width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case "VP8 ": {
      const [width, height] = [26, 28].map((at) => view.getUint16(at, true) & 0x3fff);
      return { kind, isAnimated, width, height };
    }
    default:
      throw new DataError(`${name}: broken WebP: expected a VP8, VP8L or VP8X chunk, found "${kind}"`);
  }
}

/** Reads a three-byte number, lowest byte first. */
function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}

interface Chunk {
  readonly kind: string;
  /** The chunk with its header and padding. */
  readonly whole: Uint8Array<ArrayBuffer>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Splits `bytes` into chunks. Throws DataError if one does not fit. */
function chunksOf(bytes: Uint8Array<ArrayBuffer>, name: string): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + CHUNK_HEADER_BYTES;
    const length = start <= bytes.length ? view.getUint32(at + 4, true) : Infinity;
    const end = start + length + length % 2;
    if (!(end <= bytes.length)) throw new DataError(`${name}: broken WebP: the file is truncated`);
    const kind = String.fromCharCode(...bytes.subarray(at, at + 4));
    chunks.push({ kind, whole: bytes.subarray(at, end), body: bytes.subarray(start, start + length) });
    at = end;
  }
  return chunks;
}

/** Decodes the first frame of an animation at its place on the canvas. The rest of the canvas is black. */
async function firstFrame(bytes: Uint8Array<ArrayBuffer>, canvas: Size, name: string): Promise<RgbImage> {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken WebP: ${what}`);
  };
  const riffBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  const fileBytes = CHUNK_HEADER_BYTES + riffBytes;
  if (fileBytes > bytes.length) fail("the file is truncated");
  const chunks = chunksOf(bytes.subarray(HEADER_BYTES, fileBytes), name);
  const frames = chunks.filter(({ kind }) => kind === "ANMF").map(({ body }) => readFrame(body, canvas, name));
  if (frames.length === 0) fail("an animation without frames");
  const [{ left, top, width, height, chunksAt }] = frames;
  const frame = await decodeWithWasm("webp", still(chunksOf(chunksAt, name), { width, height }), name);
  if (frame.width !== width || frame.height !== height) fail("a frame's size is not what its header says");
  const data = new Uint8Array(canvas.width * canvas.height * 3);
  for (let y = 0; y < height; y++) {
    const row = frame.data.subarray(y * width * 3, (y + 1) * width * 3);
    data.set(row, ((top + y) * canvas.width + left) * 3);
  }
  return { ...canvas, data };
}

interface Frame extends Size {
  readonly left: number;
  readonly top: number;
  /** The chunks of the frame's image. */
  readonly chunksAt: Uint8Array<ArrayBuffer>;
}

/** Reads a frame's header. Throws DataError if the frame does not fit the canvas. */
function readFrame(body: Uint8Array<ArrayBuffer>, canvas: Size, name: string): Frame {
  if (body.length < FRAME_HEADER_BYTES) throw new DataError(`${name}: broken WebP: a frame's header is cut off`);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const left = 2 * uint24(view, 0), top = 2 * uint24(view, 3);
  const width = 1 + uint24(view, 6), height = 1 + uint24(view, 9);
  if (left + width > canvas.width || top + height > canvas.height) {
    throw new DataError(`${name}: broken WebP: a frame lies outside of the image`);
  }
  return { left, top, width, height, chunksAt: body.subarray(FRAME_HEADER_BYTES) };
}

/** Makes a file of one image from a frame's chunks. */
function still(chunks: readonly Chunk[], { width, height }: Size): Uint8Array<ArrayBuffer> {
  const image = chunks.filter(({ kind }) => ["ALPH", "VP8 ", "VP8L"].includes(kind)).map(({ whole }) => whole);
  const hasAlpha = chunks.some(({ kind }) => kind === "ALPH");
  // A separate alpha chunk needs an extended header.
  const parts = hasAlpha ? [extendedHeader(width, height), ...image] : image;
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const file = new Uint8Array(CHUNK_HEADER_BYTES + length);
  file.set(new TextEncoder().encode("RIFF\0\0\0\0WEBP"));
  new DataView(file.buffer).setUint32(4, length, true);
  let at = HEADER_BYTES;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function extendedHeader(width: number, height: number): Uint8Array {
  const chunk = new Uint8Array(CHUNK_HEADER_BYTES + 10);
  const view = new DataView(chunk.buffer);
  chunk.set(new TextEncoder().encode("VP8X"));
  view.setUint32(4, 10, true);
  view.setUint8(8, HAS_ALPHA);
  for (const [at, side] of [[12, width], [15, height]]) {
    view.setUint16(at, (side - 1) & 0xffff, true);
    view.setUint8(at + 2, (side - 1) >> 16);
  }
  return chunk;
}
