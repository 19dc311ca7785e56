/**
 * Decodes JPEG files to RGB. The result equals that of libjpeg-turbo and PIL.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { RgbImage } from "../../pixels/image.ts";
import { checkPlausible, checkSize } from "../../pixels/limits.ts";
import { decodeWithWasm } from "../wasm/decoder.ts";
import { decodeParsedJpeg } from "./decoder.ts";
import { type JpegFile, parseJpeg } from "./markers.ts";
import { isUnfinished } from "./progression.ts";

/**
 * Encoders write about ten. A scan of a few bytes may visit the whole image, so the number of scans bounds the time.
 */
const MAX_SCANS = 100;

/** Decodes a JPEG file. Throws DataError. */
export async function decodeJpeg(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  const file = parseJpeg(bytes, name);
  checkSize(file.width, file.height, name);
  checkPlausible(file.width, file.height, bytes.length, name);
  if (file.scans.length > MAX_SCANS) {
    throw new DataError(`${name}: unsupported JPEG: ${file.scans.length} scans, at most ${MAX_SCANS} are read`);
  }
  if (file.arithmetic) {
    throw new DataError(`${name}: unsupported JPEG: arithmetic coding (re-save it as Huffman coded)`);
  }
  if (![1, 3, 4].includes(file.components.length)) {
    throw new DataError(`${name}: unsupported JPEG: ${file.components.length} components, expected 1, 3 or 4`);
  }
  if (needsOwnDecoder(file)) return decodeParsedJpeg(file, name);
  const { warned, ...image } = await decodeWithWasm("jpeg", bytes, name);
  // On damaged data both decoders give the same result, unless coefficients exceed 16 bits.
  return warned && canDecode(file) ? decodeParsedJpeg(file, name) : image;
}

/**
 * Returns true for files that the WASM decoder refuses (CMYK), and for files that it upsamples or guesses differently
 * from libjpeg-turbo 2 and later. It guesses in progressive files without their last scans.
 */
function needsOwnDecoder(file: JpegFile): boolean {
  const { components } = file;
  if (components.length === 4) return true;
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  if (components.some(({ h, v }) => h === maxH && 2 * v === maxV)) return true;
  return isUnfinished(file) && canDecode(file);
}

/** Returns whether this project's own decoder can upsample every component. */
function canDecode({ components }: JpegFile): boolean {
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  return components.every(({ h, v }) => maxH % h === 0 && maxV % v === 0);
}
