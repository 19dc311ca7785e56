/**
 * Draws many numbers as pictures, one pixel per number, in both colour schemes. They are too many for shapes in an SVG.
 *
 * @module
 */

import type { RgbImage } from "../../src/data/pixels/image.ts";
import { along, AMOUNT, DIFFERENCE, type Ramp, type Rgb } from "../../src/plots/theme.ts";
import { type Html, html } from "./html.ts";
import { pngUrl } from "./png.ts";

/** Maps numbers to colours. */
export interface Scale {
  readonly ramp: Ramp;
  /** Position on the ramp, 0 to 1. */
  readonly place: (value: number) => number;
}

/** Returns a scale for amounts from `low` to `high`. A span that is too small to matter does not use the whole ramp. */
export function amounts(low: number, high: number): Scale {
  const span = Math.max(high - low, 0.02);
  return { ramp: AMOUNT, place: (value) => (value - low) / span };
}

/** Returns a scale for differences from -`most` to `most`. */
export function differences(most: number): Scale {
  return { ramp: DIFFERENCE, place: (value) => (value / most + 1) / 2 };
}

/** Draws numbers row by row; NaN is transparent. `label` is the text alternative. */
export async function picture(
  values: Float32Array,
  columns: number,
  { ramp, place }: Scale,
  label: string,
): Promise<Html> {
  const draw = (stops: readonly Rgb[]) => {
    const rows = Math.ceil(values.length / columns);
    const rgba = new Uint8Array(4 * rows * columns);
    values.forEach((value, i) => {
      if (!isNaN(value)) rgba.set([...along(stops, place(value)).map(Math.round), 255], 4 * i);
    });
    return pngUrl(rgba, columns);
  };
  return html`<picture><source media="(prefers-color-scheme: dark)" srcset="${await draw(ramp.dark)}"
><img class="pixels" src="${await draw(ramp.light)}" alt="${label}"></picture>`;
}

/** Draws an image unchanged. */
export async function photograph({ width, data }: RgbImage, label: string): Promise<Html> {
  const rgba = new Uint8Array(data.length / 3 * 4).fill(255);
  for (let i = 0; i < data.length / 3; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return html`<img class="pixels photo" src="${await pngUrl(rgba, width)}" alt="${label}">`;
}
