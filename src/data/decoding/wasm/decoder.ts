/**
 * Decodes with a WebAssembly codec. The codec is loaded on first use and replaced after a failure.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { RgbImage } from "../../pixels/image.ts";

/** The names of the codecs. */
export type CodecName = "jpeg" | "webp";

const ready = new Map<CodecName, Promise<void>>();
let warnings = 0;

/** An image, and whether its codec warned about the file, or about another file at the same time. */
export interface WasmImage extends RgbImage {
  readonly warned: boolean;
}

/**
 * Decodes `bytes` with the codec. Alpha is dropped, not blended, as in PIL. Throws DataError with `name` in its
 * message.
 */
export async function decodeWithWasm(
  codecName: CodecName,
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<WasmImage> {
  // Imported late. A program that decodes nothing then loads nothing, and a browser without source-phase imports fails
  // here, not when it loads the library.
  const codec = (await import("./codecs.js"))[codecName];
  const counted = { printErr: () => void warnings++ };
  if (!ready.has(codecName)) ready.set(codecName, codec.init(codec.module, counted));
  await ready.get(codecName);
  const before = warnings;
  try {
    return { ...withoutAlpha(await codec.decode(bytes)), warned: warnings !== before };
  } catch (cause) {
    // The codec's instance stopped in the middle of a file. The next file gets a new instance.
    ready.delete(codecName);
    throw new DataError(`${name}: broken or unsupported ${codecName.toUpperCase()} file: the decoder gave up on it`, {
      cause,
    });
  }
}

function withoutAlpha(image: { width: number; height: number; data: Uint8ClampedArray }): RgbImage {
  const { width, height, data: rgba } = image;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; i < data.length; i += 3, j += 4) {
    data[i] = rgba[j];
    data[i + 1] = rgba[j + 1];
    data[i + 2] = rgba[j + 2];
  }
  return { width, height, data };
}
