/**
 * Many numbers as pictures, one pixel a number, in both schemes' colours: too many for shapes in an SVG.
 *
 * @module
 */

import type { RgbImage } from "../../src/data/pixels/image.ts";
import { along, AMOUNT, DIFFERENCE, type Ramp, type Rgb } from "../../src/plots/theme.ts";
import { type Html, html } from "./html.ts";
import { pngUrl } from "./png.ts";

/** Which colour a number has. */
export interface Scale {
  readonly ramp: Ramp;
  /** Its place on the ramp, 0 to 1. */
  readonly place: (value: number) => number;
}

/** Of amounts from `low` to `high`; a span too small to mean anything does not get all the colours. */
export function amounts(low: number, high: number): Scale {
  const span = Math.max(high - low, 0.02);
  return { ramp: AMOUNT, place: (value) => (value - low) / span };
}

/** Of differences up to `most` to either side. */
export function differences(most: number): Scale {
  return { ramp: DIFFERENCE, place: (value) => (value / most + 1) / 2 };
}

/** Numbers row by row, NaN left transparent. `label` is for people who do not see them. */
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

/** An image as it is. */
export async function photograph({ width, data }: RgbImage, label: string): Promise<Html> {
  const rgba = new Uint8Array(data.length / 3 * 4).fill(255);
  for (let i = 0; i < data.length / 3; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return html`<img class="pixels photo" src="${await pngUrl(rgba, width)}" alt="${label}">`;
}
