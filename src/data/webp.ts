/**
 * WebP files to RGB, equal to libwebp and PIL.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { RgbImage } from "./image.ts";
import { checkPlausible, checkSize } from "./limits.ts";
import { decodeWithWasm } from "./wasm_decoder.ts";

/** A lossless WebP of one colour takes no bits a pixel: so large an image is believed whatever its file's length. */
const FREE_PIXELS = 1 << 22;

/** Decodes a WebP file of one frame. Throws DataError. */
export async function decodeWebp(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  const { width, height } = readSize(bytes, name);
  checkSize(width, height, name);
  checkPlausible(width, height, bytes.length, name, FREE_PIXELS);
  return await decodeWithWasm("webp", bytes, name);
}

/** The size a file claims in its first chunk (RFC 9649, section 2). */
function readSize(bytes: Uint8Array<ArrayBuffer>, name: string): { width: number; height: number } {
  if (bytes.length < 30) throw new DataError(`${name}: broken WebP: the file is truncated`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = String.fromCharCode(...bytes.subarray(12, 16));
  switch (kind) {
    case "VP8X": {
      if (bytes[20] & 2) throw new DataError(`${name}: unsupported WebP: animated (save one frame of it)`);
      // Two 24-bit numbers, each one less than the side.
      return { width: 1 + (view.getUint32(24, true) & 0xffffff), height: 1 + (view.getUint32(26, true) >>> 8) };
    }
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    default:
      throw new DataError(`${name}: broken WebP: expected a VP8, VP8L or VP8X chunk, found "${kind}"`);
  }
}
