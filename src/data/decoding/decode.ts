/**
 * Image files to RGB, as PIL's `Image.open(file).convert("RGB")` gives them: JPEG, PNG, WebP, GIF, BMP, TIFF and
 * Netpbm's formats, told apart by content; of an animation, the first frame. Orientation tags are not applied and alpha is
 * dropped, because that is what training saw.
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

/** A format: the bytes its files start with (null: any byte), and its decoder. */
interface Format {
  readonly magic: readonly (number | null)[];
  readonly decode: (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<RgbImage>;
}

/** Formats that few pictures have, each loaded when it is first met. */
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

/** Throws DataError, naming the file, if its first bytes, `HEAD_BYTES` or all, are none of the formats'. */
export function checkFormat(start: Uint8Array, name: string): void {
  formatOf(start, name);
}

/**
 * Decodes an image file to 8-bit RGB. `name` is what errors call it. Throws DataError where the file is of another
 * format, broken, truncated, or larger than `MAX_PIXELS`.
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
