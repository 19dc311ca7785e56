/** Numbers as colours: one ramp for amounts, one for differences, in both schemes. */

/** Red, green, blue, 0 to 255. */
export type Color = readonly [number, number, number];

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Calls `repaint` whenever the scheme changes. */
export function onSchemeChange(repaint: () => void): void {
  dark.addEventListener("change", repaint);
}

/** Stops of each ramp, evenly spaced: [light, dark]. */
const AMOUNT: readonly (readonly Color[])[] = [
  [[240, 245, 247], [127, 196, 194], [26, 122, 142], [12, 50, 84]],
  [[24, 33, 43], [24, 84, 104], [45, 158, 160], [190, 246, 226]],
];
const DIFFERENCE: readonly (readonly Color[])[] = [
  [[166, 64, 16], [236, 160, 98], [244, 246, 248], [104, 168, 220], [16, 82, 150]],
  [[255, 178, 112], [176, 88, 36], [26, 34, 43], [38, 108, 170], [140, 204, 255]],
];

function along(stops: readonly Color[], t: number): Color {
  const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  return [0, 1, 2].map((c) => stops[i][c] + (stops[i + 1][c] - stops[i][c]) * (at - i)) as unknown as Color;
}

/** The colour of an amount from 0 to 1. */
export function amountColor(t: number): Color {
  return along(AMOUNT[Number(dark.matches)], t);
}

/** The colour of a difference from -1 (orange) over 0 (the panel's own) to 1 (blue). */
export function differenceColor(t: number): Color {
  return along(DIFFERENCE[Number(dark.matches)], (t + 1) / 2);
}

/** For style attributes. */
export function css([r, g, b]: Color): string {
  return `rgb(${r.toFixed()} ${g.toFixed()} ${b.toFixed()})`;
}

/** Black or white, whichever reads better on a colour. */
export function textOn([r, g, b]: Color): string {
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000" : "#fff";
}
