/**
 * Decodes image files to RGB, as PIL's `Image.open(file).convert("RGB")` does. The formats are JPEG, PNG, WebP, GIF,
 * BMP, TIFF and Netpbm's, detected from the content. Of an animation, the first frame is decoded. Orientation tags are
 * not applied and alpha is dropped, because training did the same.
 *
 * @module
 */

import { describeForeign } from "./foreign_formats.ts";
import { DataError } from "../../errors.ts";
import type { RgbImage } from "../pixels/image.ts";
import { decodeJpeg } from "./jpeg/mod.ts";
import { decodePng } from "./png/mod.ts";
import { decodeWebp } from "./webp.ts";

export type { RgbImage };

/** A format: the first bytes of its files (null: any byte), and its decoder. */
interface Format {
  readonly magic: readonly (number | null)[];
  readonly decode: (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<RgbImage>;
}

/** Decoders of rare formats. Each is loaded on first use. */
const decodeBmp: Format["decode"] = async (...file) => await (await import("./bmp/mod.ts")).decodeBmp(...file);
const decodeGif: Format["decode"] = async (...file) => await (await import("./gif/mod.ts")).decodeGif(...file);
const decodePnm: Format["decode"] = async (...file) => await (await import("./pnm.ts")).decodePnm(...file);
const decodeTiff: Format["decode"] = async (...file) => await (await import("./tiff/mod.ts")).decodeTiff(...file);

const ANY = [null, null, null, null];
const ascii = (text: string) => [...text].map((char) => char.charCodeAt(0));

const FORMATS: readonly Format[] = [
  { magic: [0xff, 0xd8, 0xff], decode: decodeJpeg },
  { magic: [0x89, ...ascii("PNG\r\n\x1a\n")], decode: decodePng },
  { magic: [...ascii("RIFF"), ...ANY, ...ascii("WEBP")], decode: decodeWebp },
  { magic: ascii("GIF87a"), decode: decodeGif },
  { magic: ascii("GIF89a"), decode: decodeGif },
  { magic: ascii("II*\0"), decode: decodeTiff },
  { magic: ascii("MM\0*"), decode: decodeTiff },
  { magic: ascii("BM"), decode: decodeBmp },
  ...[1, 2, 3, 4, 5, 6].map((n) => ({ magic: ascii(`P${n}`), decode: decodePnm })),
];

/**
 * Throws DataError, with the file's name, if the file is of no supported format. `start` holds the first `HEAD_BYTES`
 * bytes, or all bytes of a shorter file.
 */
export function checkFormat(start: Uint8Array, name: string): void {
  formatOf(start, name);
}

/**
 * Decodes an image file to 8-bit RGB.
 *
 * @param name The name of the image in errors
 * @throws {DataError} if the file has an unsupported format, is damaged or truncated, or has more than `MAX_PIXELS`
 * pixels
 */
export async function decodeImage(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<RgbImage> {
  return await formatOf(bytes, name).decode(bytes, name);
}

function formatOf(bytes: Uint8Array, name: string): Format {
  const format = FORMATS.find(({ magic }) => magic.every((byte, i) => byte === null || bytes[i] === byte));
  if (format) return format;
  const expected = "expected a JPEG, PNG, WebP, GIF, BMP, TIFF, PBM, PGM or PPM file";
  throw new DataError(`${name}: not an image that is read here: ${expected}, ${describeForeign(bytes)}`);
}
