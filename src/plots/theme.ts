/**
 * The look of all pictures of the project: light and dark colours, fonts, sizes. web/page.css has the same colours; a
 * test compares the two.
 *
 * @module
 */

/** A colour as "#rrggbb", for the light and the dark scheme. */
export interface Color {
  readonly light: string;
  readonly dark: string;
}

const color = (light: string, dark: string): Color => ({ light, dark });

/** Background. */
export const PANEL: Color = color("#ffffff", "#17202a");
/** Titles and names. */
export const TEXT: Color = color("#15202b", "#e6edf3");
/** Numbers at axes, and explanations. */
export const SOFT: Color = color("#526372", "#9fb0bf");
/** Rules and grids. */
export const LINE: Color = color("#d8e0e6", "#2a3744");

/**
 * Colours of series, in the order in which they are assigned: teal, orange, purple, sky, navy, grey. They also differ
 * in lightness, for people and printers that do not distinguish hues.
 */
export const SERIES: readonly Color[] = [
  color("#1a7a8e", "#2d9ea0"),
  color("#c2691f", "#ffb270"),
  color("#7a5ca8", "#b49ae0"),
  color("#68a8dc", "#68a8dc"),
  color("#0c3254", "#bef6e2"),
  color("#8a9aa6", "#70808e"),
];

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** Colour stops, evenly spaced, that map numbers to colours. */
export interface Ramp {
  readonly light: readonly Rgb[];
  readonly dark: readonly Rgb[];
}

/** Ramp for amounts, 0 to 1. */
export const AMOUNT: Ramp = {
  light: [[240, 245, 247], [127, 196, 194], [26, 122, 142], [12, 50, 84]],
  dark: [[24, 33, 43], [24, 84, 104], [45, 158, 160], [190, 246, 226]],
};

/** Ramp for differences: 0 is -1 (orange), 1/2 is no difference (the background colour), 1 is +1 (blue). */
export const DIFFERENCE: Ramp = {
  light: [[166, 64, 16], [236, 160, 98], [244, 246, 248], [104, 168, 220], [16, 82, 150]],
  dark: [[255, 178, 112], [176, 88, 36], [26, 34, 43], [38, 108, 170], [140, 204, 255]],
};

/** Returns the colour at `t`, from 0 to 1, along the stops. */
export function along(stops: readonly Rgb[], t: number): Rgb {
  const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  return [0, 1, 2].map((c) => stops[i][c] + (stops[i + 1][c] - stops[i][c]) * (at - i)) as unknown as Rgb;
}

/** Number of steps of a ramp in pictures whose colours follow the reader's scheme. */
const STEPS = 32;

/** Returns the colour of both schemes at `t`, from 0 to 1, along a ramp. It is rounded to one of a few steps. */
export function step(ramp: Ramp, t: number): Color {
  const at = Math.round(Math.min(Math.max(t, 0), 1) * STEPS) / STEPS;
  return { light: hex(along(ramp.light, at)), dark: hex(along(ramp.dark, at)) };
}

/** Returns dark or white text for each scheme: the one with the better contrast on the colour. */
export function textOn({ light, dark }: Color): Color {
  const pick = (background: string) =>
    contrast(TEXT.light, background) > contrast(WHITE, background) ? TEXT.light : WHITE;
  return { light: pick(light), dark: pick(dark) };
}

/** Returns the contrast ratio of two colours "#rrggbb", 1 to 21 (WCAG 2.2). */
export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function hex(rgb: Rgb): string {
  return `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, "0")).join("")}`;
}

const WHITE = "#ffffff";

/** Font of all text. */
export const FONT = "system-ui, sans-serif";

/** Text sizes in pixels. */
export const SIZE = { title: 15, heading: 12, text: 11 } as const;
