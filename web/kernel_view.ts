/** The kernel that a layer convolves an image with: rows are output channels, columns input channels. */

import { type DynamicLayer, effectiveKernel } from "../mod.ts";
import { differenceColor } from "./colors.ts";
import { element } from "./dom.ts";
import { heatmap } from "./heatmap.ts";
import type { LayerAttentions } from "./network.ts";

/** Channels shown each way: with more, single weights could not be told apart. */
const SHOWN = 16;

/** Pixels between kernels. */
const GAP = 1;

/** The layer's kernel under each attention, and how they differ, under one colour scale. */
export function kernelPictures(
  { weightShape }: DynamicLayer,
  weight: Float32Array,
  attentions: readonly LayerAttentions[],
): { pictures: HTMLElement[]; caption: string } {
  const [, cout, cin, kh, kw] = weightShape;
  const [rows, columns] = [Math.min(cout, SHOWN), Math.min(cin, SHOWN)];
  const kernels = attentions.map((each) =>
    tile(effectiveKernel(weight, weightShape, each), cin, kh, kw, rows, columns)
  );
  const scale = largest(kernels.flatMap((k) => [...k]));
  const picture = (values: Float32Array, scaledBy: number, label: string) => {
    const color = (v: number) => differenceColor(v / scaledBy);
    return element("div", { class: "kernel" }, heatmap({ values, columns: columns * (kw + GAP) - GAP, color, label }));
  };
  const pictures = kernels.map((values, i) => picture(values, scale, `effective kernel for image ${"AB"[i]}`));
  if (kernels.length === 2) {
    const difference = kernels[1].map((v, i) => v - kernels[0][i]);
    pictures.push(picture(difference, largest([...difference]), "effective kernel, B minus A"));
  }
  const of = (shown: number, all: number) => shown < all ? `${shown} of ${all}` : String(all);
  const caption =
    `${kh} × ${kw}, ${of(rows, cout)} output channels (down), ${of(columns, cin)} input channels (across); ` +
    "orange is negative, blue is positive";
  return { pictures, caption };
}

/**
 * [Cout, Cin, kh, kw] as one picture: kernels side by side by input channel, below each other by output channel. The gaps
 * between them are NaN.
 */
function tile(kernel: Float32Array, cin: number, kh: number, kw: number, rows: number, columns: number): Float32Array {
  const width = columns * (kw + GAP) - GAP;
  return Float32Array.from({ length: (rows * (kh + GAP) - GAP) * width }, (_, i) => {
    const [row, y] = divide(Math.floor(i / width), kh + GAP);
    const [column, x] = divide(i % width, kw + GAP);
    return y < kh && x < kw ? kernel[((row * cin + column) * kh + y) * kw + x] : NaN;
  });
}

function divide(value: number, by: number): [number, number] {
  return [Math.floor(value / by), value % by];
}

/** The 99th percentile of the magnitudes, so that one outlier does not fade the rest. */
function largest(values: number[]): number {
  const sorted = values.filter((v) => !isNaN(v)).map(Math.abs).sort((a, b) => a - b);
  return sorted[Math.floor(0.99 * (sorted.length - 1))] || 1;
}
