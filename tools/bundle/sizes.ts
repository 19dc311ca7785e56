/**
 * Measures what a page that uses the module downloads, and when.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import type { BundledFile } from "./bundle.ts";

/** One part of the module. */
export interface PartSize {
  /** When it is loaded. */
  readonly when: string;
  /** Size on disk. */
  readonly bytes: number;
  /** Size as most servers send it: compressed with gzip. */
  readonly compressed: number;
}

/** The parts that are loaded later. A pattern of modules or files identifies each part. */
const LATER = [
  ["WebGPU, when a device is opened", /src\/webgpu\/device\.ts$/],
  ["CPU, only where there is no GPU", /src\/cpu\/backend\.ts$|tfjs-backend-wasm-simd\.wasm$/],
  ["JPEG and WebP decoders, when first met", /src\/data\/decoding\/wasm\/codecs\.js$|_dec\.wasm$/],
  ["GIF, BMP, TIFF and Netpbm decoders", /src\/data\/decoding\/((gif|bmp|tiff)\/mod|pnm)\.ts$/],
  ["ImageNet's class names, for its models", /imagenet_classes\.json$/],
] as const;

/**
 * Returns the parts of a bundle of mod.ts in `folder`. Each later part is counted without the files that are loaded at
 * once.
 */
export function partSizes(files: readonly BundledFile[], folder: string): PartSize[] {
  const atOnce = files.find(({ name }) => name === "mod.js")!.loadedWith;
  const later = LATER.map(([when, part]) => {
    const needed = files.filter(({ modules }) => modules.some((path) => part.test(path)));
    const names = new Set(needed.flatMap(({ loadedWith }) => loadedWith));
    return { when, names: [...names].filter((name) => !atOnce.includes(name)) };
  });
  return [{ when: "at once", names: atOnce }, ...later].map(({ when, names }) => {
    const contents = names.map((name) => Deno.readFileSync(`${folder}/${name}`));
    const sum = (size: (content: Uint8Array) => number) => contents.reduce((total, c) => total + size(c), 0);
    return { when, bytes: sum((c) => c.length), compressed: sum((c) => gzipSync(c).length) };
  });
}
