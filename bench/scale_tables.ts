/** The tables of `--work scale`. */

import { markdownTable } from "../tools/support/markdown_table.ts";
import { bytes } from "../tools/support/style.ts";
import type { Scale } from "./rows.ts";

/** Returns tables of time and memory by batch, image size and kernels, and of decoding beside evaluation. */
export function scaleSections({ networks, decoding, evaluated, cores }: Scale): string[] {
  const grown = networks.map((row) => [
    `${row.model} n=${row.kernelNum}`,
    String(row.batch),
    `${row.imageSize}x${row.imageSize}`,
    row.part === row.batch ? "" : String(row.part),
    row.ms.toPrecision(3),
    (1000 * row.batch / row.ms).toPrecision(3),
    `${(100 * row.gflops / row.ceilingGflops).toFixed(0)}%`,
    bytes(row.bytes),
    bytes(row.activationBytes),
  ]);
  const header = ["", "batch", "image", "in parts of", "ms", "images/s", "of the ceiling", "memory", "activations"];
  const threads = decoding.map((row) => [
    String(row.workers),
    row.decoded.toFixed(0),
    row.alone.toPrecision(3),
    row.evaluated.toPrecision(3),
  ]);
  const rates = ["decoding threads", "decoded/s", `${evaluated} alone, images/s`, "evaluation, images/s"];
  return [
    "## How time and memory grow\n\nMemory is planned before the device is asked for it: weights, and activations, which\n" +
    `share memory. A batch that exceeds a binding of the adapter runs in parts.\n\n${markdownTable(header, grown)}`,
    `## Decoding\n\nThe files are JPEGs of 500x375 pixels and 130 KB. They are decoded, resized and cropped as torchvision\n` +
    `does, on ${cores} cores, which the software adapter uses too.\n\n${markdownTable(rates, threads)}`,
  ];
}
