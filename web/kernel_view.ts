/** The kernel that a layer convolves an image with, as a picture. */

import { type DynamicLayer, effectiveKernel } from "../mod.ts";
import { differenceColor } from "./colors.ts";
import { element } from "./dom.ts";
import { heatmap } from "./heatmap.ts";
import type { LayerAttentions } from "./network.ts";

/** Channels shown each way: with more, single weights could not be told apart. */
const SHOWN = 16;

/** Which kernels are shown, and where. */
interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly height: number;
  readonly width: number;
  /** Pixels between kernels. */
  readonly gap: number;
  /** The index of a kernel among all; past the last one where the place is empty. */
  readonly at: (row: number, column: number) => number;
}

/** Rows are output channels, columns input channels; where each output has one input, rows of outputs. */
function layOut([, cout, cin, height, width]: readonly number[]): { layout: Layout; caption: string } {
  const gap = height * width > 1 ? 1 : 0;
  const of = (shown: number, all: number) => shown < all ? `${shown} of ${all}` : String(all);
  const signs = "orange is negative, blue is positive";
  if (cin === 1) {
    const [columns, rows] = [SHOWN, Math.min(Math.ceil(cout / SHOWN), SHOWN)];
    return {
      layout: { rows, columns, height, width, gap, at: (row, column) => row * columns + column },
      caption: `${height} × ${width}, ${of(Math.min(cout, rows * columns), cout)} channels; ${signs}`,
    };
  }
  const [rows, columns] = [Math.min(cout, SHOWN), Math.min(cin, SHOWN)];
  return {
    layout: { rows, columns, height, width, gap, at: (row, column) => row * cin + column },
    caption: `${height} × ${width}, ${of(rows, cout)} output channels (down), ${of(columns, cin)} input channels ` +
      `(across); ${signs}`,
  };
}

/** The layer's kernel under each attention, and how they differ, under one colour scale. */
export function kernelPictures(
  { weightShape }: DynamicLayer,
  weight: Float32Array,
  attentions: readonly LayerAttentions[],
): { pictures: HTMLElement[]; caption: string } {
  const { layout, caption } = layOut(weightShape);
  const kernels = attentions.map((each) => tile(effectiveKernel(weight, weightShape, each), layout));
  const picture = (values: Float32Array, scale: number, label: string) => {
    const columns = layout.columns * (layout.width + layout.gap) - layout.gap;
    const color = (v: number) => differenceColor(v / scale);
    return element("div", { class: "kernel" }, heatmap({ values, columns, color, label }));
  };
  const scale = largest(kernels.flatMap((k) => [...k]));
  const pictures = kernels.map((values, i) => picture(values, scale, `effective kernel for image ${"AB"[i]}`));
  if (kernels.length === 2) {
    const difference = kernels[1].map((v, i) => v - kernels[0][i]);
    pictures.push(picture(difference, largest([...difference]), "effective kernel, B minus A"));
  }
  return { pictures, caption };
}

/** [Cout, Cin, kh, kw] as one picture; what lies between kernels is NaN. */
function tile(kernel: Float32Array, { rows, columns, height, width, gap, at }: Layout): Float32Array {
  const across = columns * (width + gap) - gap;
  return Float32Array.from({ length: (rows * (height + gap) - gap) * across }, (_, i) => {
    const [row, y] = divide(Math.floor(i / across), height + gap);
    const [column, x] = divide(i % across, width + gap);
    return y < height && x < width ? kernel[(at(row, column) * height + y) * width + x] ?? NaN : NaN;
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
