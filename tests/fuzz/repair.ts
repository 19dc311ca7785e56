/**
 * Repairs the checksums of damaged files and removes compression from undamaged ones. Otherwise readers would see only
 * wrong checksums.
 */

import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateRawSync, inflateSync } from "node:zlib";
import type { Bytes } from "./mutate.ts";

/** A PNG's chunks, as far as their lengths lead: where each one's type, body and end lie. */
function* pngChunks(bytes: Bytes): Generator<{ type: string; start: number; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    yield { type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), start: at + 8, end };
    at = end + 4;
  }
}

/** The checksums of a PNG's chunks, and that of its pixels where they are in one chunk. */
export function repairPng(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (const { type, start, end } of pngChunks(copy)) {
    if (type === "IDAT") repairZlib(copy.subarray(start, end));
    view.setUint32(end, crc32(copy.subarray(start - 4, end)));
  }
  return copy;
}

/** The Adler-32 at the end of a zlib stream, if the rest of it inflates. */
function repairZlib(stream: Bytes): void {
  if (stream.length < 6) return;
  let a = 1, b = 0;
  try {
    for (const byte of inflateRawSync(stream.subarray(2), { maxOutputLength: 1 << 20 })) {
      a = (a + byte) % 65521;
      b = (b + a) % 65521;
    }
  } catch {
    return;
  }
  new DataView(stream.buffer, stream.byteOffset).setUint32(stream.length - 4, ((b << 16) | a) >>> 0);
}

/** The same PNG with its pixels stored as they are, so that damage reaches the filters. */
export function unpackPng(bytes: Bytes): Bytes {
  const pieces: Uint8Array[] = [bytes.subarray(0, 8)];
  const data: Uint8Array[] = [];
  const chunks = [...pngChunks(bytes)];
  for (const { type, start, end } of chunks) if (type === "IDAT") data.push(bytes.subarray(start, end));
  const stored = deflateSync(inflateSync(Buffer.concat(data)), { level: 0 });
  let written = false;
  for (const { type, start, end } of chunks) {
    if (type !== "IDAT") pieces.push(bytes.subarray(start - 8, end + 4));
    else if (!written) {
      const head = new Uint8Array(8);
      new DataView(head.buffer).setUint32(0, stored.length);
      head.set(new TextEncoder().encode("IDAT"), 4);
      pieces.push(head, stored, new Uint8Array(4));
      written = true;
    }
  }
  return repairPng(new Uint8Array(Buffer.concat(pieces)));
}

/** The length of a safetensors header that ends where the bytes end. */
export function repairSafetensors(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  if (copy.length >= 8) new DataView(copy.buffer).setBigUint64(0, BigInt(copy.length - 8), true);
  return copy;
}

/** The sum of the bytes in every block of a tar file that looks like a header. */
export function repairTar(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  for (let at = 0; at + 512 <= copy.length; at += 512) {
    const header = copy.subarray(at, at + 512);
    if (String.fromCharCode(...header.subarray(257, 262)) !== "ustar") continue;
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  return copy;
}
