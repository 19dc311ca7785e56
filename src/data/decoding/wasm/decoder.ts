/**
 * Decoding with a WebAssembly codec: loaded when first used, replaced after a failure.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { RgbImage } from "../../pixels/image.ts";

/** The codecs there are. */
export type CodecName = "jpeg" | "webp";

const ready = new Map<CodecName, Promise<void>>();
let warnings = 0;

/** An image, and whether its codec complained about the file, or about another one at the same time. */
export interface WasmImage extends RgbImage {
  readonly warned: boolean;
}

/** Decodes `bytes` with the codec; alpha is dropped, not blended, as PIL drops it. Throws DataError naming `name`. */
export async function decodeWithWasm(
  codecName: CodecName,
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<WasmImage> {
  // Imported late, so that a program that decodes nothing loads nothing, and a browser without source-phase imports
  // fails here and not when it loads the library.
  const codec = (await import("./codecs.js"))[codecName];
  const counted = { printErr: () => void warnings++ };
  if (!ready.has(codecName)) ready.set(codecName, codec.init(codec.module, counted));
  await ready.get(codecName);
  const before = warnings;
  try {
    return { ...withoutAlpha(await codec.decode(bytes)), warned: warnings !== before };
  } catch (cause) {
    // The codec left its instance in the middle of a file: the next file gets a new one.
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
