/** Maps numbers to colours: one ramp for amounts, one for differences, in both colour schemes. */

import { along, AMOUNT, DIFFERENCE, type Rgb } from "../src/plots/theme.ts";

/** Red, green, blue, 0 to 255. */
export type Color = Rgb;

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Calls `repaint` whenever the colour scheme changes. */
export function onSchemeChange(repaint: () => void): void {
  dark.addEventListener("change", repaint);
}

function scheme(): "light" | "dark" {
  return dark.matches ? "dark" : "light";
}

/** The colour of an amount from 0 to 1. */
export function amountColor(t: number): Color {
  return along(AMOUNT[scheme()], t);
}

/** The colour of a difference from -1 (orange) over 0 (the panel's colour) to 1 (blue). */
export function differenceColor(t: number): Color {
  return along(DIFFERENCE[scheme()], (t + 1) / 2);
}

/** Formats a colour for style attributes. */
export function css([r, g, b]: Color): string {
  return `rgb(${r.toFixed()} ${g.toFixed()} ${b.toFixed()})`;
}

/** Returns black or white, whichever has more contrast with a colour. */
export function textOn([r, g, b]: Color): string {
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000" : "#fff";
}
