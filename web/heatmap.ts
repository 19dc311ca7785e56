/** Draws tensors on a canvas, one pixel per element. */

import type { Color } from "./colors.ts";
import { element } from "./dom.ts";

/** The values of a picture and their colours. */
export interface Heatmap {
  /** Row-major. NaN is transparent. */
  readonly values: ArrayLike<number>;
  readonly columns: number;
  readonly color: (value: number) => Color;
  /** Text alternative for screen readers. */
  readonly label: string;
}

/** Returns a canvas with one pixel per value; the style sheet scales it. */
export function heatmap({ values, columns, color, label }: Heatmap): HTMLCanvasElement {
  const rows = Math.ceil(values.length / columns);
  const canvas = element("canvas", {
    width: columns,
    height: rows,
    role: "img",
    "aria-label": label,
    class: "heatmap",
  });
  canvas.style.aspectRatio = `${columns} / ${rows}`;
  const pixels = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    if (!isNaN(values[i])) pixels.data.set([...color(values[i]), 255], 4 * i);
  }
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  return canvas;
}

/** Returns the smallest, largest and mean value. */
export function range(...all: readonly ArrayLike<number>[]): { low: number; high: number; mean: number } {
  let low = Infinity, high = -Infinity, sum = 0, count = 0;
  for (const values of all) {
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
      sum += values[i];
    }
    count += values.length;
  }
  return { low, high, mean: sum / count };
}
