/**
 * The parts that all pictures have: a title, a legend, panels side by side, and a description for people who do not see
 * them.
 *
 * @module
 */

import { type Library, loadLibrary, type PlotOptions } from "./library.ts";
import { darkStyle, element, escapeText, ink, serialize } from "./svg.ts";
import { type Color, FONT, PANEL, SERIES, SIZE, SOFT, TEXT } from "./theme.ts";

/** Options of a picture. */
export interface FigureOptions {
  /** The title. It is drawn above the panels. */
  readonly title: string;
  /**
   * Description for people who do not see the picture, such as which line rises or which bar is longest. @default the
   * title
   */
  readonly description?: string;
  /** Width of a panel in pixels. Each kind of picture has its own default. */
  readonly width?: number;
  /** If true, the picture gets no style sheet of its own. For pages that have the `darkStyle` of all their pictures. */
  readonly embedded?: boolean;
  /** If true, only the plots are drawn. The title remains for people who do not see the picture. */
  readonly bare?: boolean;
}

/** One plot of a picture. */
export interface Panel {
  /** Text above the panel. */
  readonly heading?: string;
  /** Width in pixels. */
  readonly width: number;
  readonly height: number;
  /** Returns the options of Plot.plot, except the size. */
  plot(Plot: Library["Plot"]): PlotOptions;
}

const MARGIN = 12, LINE_HEIGHT = 18, SWATCH = 10;

/**
 * Assigns colours to names, in the order in which they first occur. After the last colour it starts again with the
 * first.
 */
export function colorsOf(names: Iterable<string>): Map<string, Color> {
  return new Map([...new Set(names)].map((name, i) => [name, SERIES[i % SERIES.length]]));
}

/** Draws panels side by side under a title and a legend. */
export async function figure(
  panels: readonly Panel[],
  legend: ReadonlyMap<string, Color>,
  { title, description = title, embedded = false, bare = false }: FigureOptions,
): Promise<string> {
  const { Plot, plot } = await loadLibrary();
  const margin = bare ? 0 : MARGIN;
  const width = panels.reduce((sum, panel) => sum + panel.width, 0) + 2 * margin;
  const { parts, bottom } = bare ? { parts: [], bottom: 0 } : drawHeader(title, legend, width);
  const y = bottom + (panels.some((panel) => panel.heading) ? LINE_HEIGHT : 0);
  let x = margin;
  for (const panel of panels) {
    const { width, height } = panel;
    if (panel.heading) {
      const place = { x: x + 2, y: y - 6, "font-size": SIZE.heading, fill: ink(TEXT) };
      parts.push(element("text", place, escapeText(panel.heading)));
    }
    const drawn = plot({ ...panel.plot(Plot), width, height, className: "plot" });
    for (
      const [name, value] of Object.entries({ x, y, "font-size": SIZE.text, "font-family": FONT, fill: ink(SOFT) })
    ) {
      drawn.setAttribute(name, String(value));
    }
    parts.push(serialize(drawn).replaceAll('"currentColor"', `"${SOFT.light}"`));
    x += width;
  }
  const height = y + Math.max(...panels.map((panel) => panel.height)) + margin;
  const body = [
    element("title", {}, escapeText(title)),
    element("desc", {}, escapeText(description)),
    element("rect", { width, height, fill: ink(PANEL) }),
    ...parts,
  ].join("\n");
  const style = embedded ? "" : `<style>${darkStyle(body)}</style>\n`;
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": title,
      "font-family": FONT,
    },
    `\n${style}${body}\n`,
  ) + "\n";
}

/** Draws the title, and the legend if there are several names. */
function drawHeader(
  title: string,
  legend: ReadonlyMap<string, Color>,
  width: number,
): { parts: string[]; bottom: number } {
  const y = MARGIN + SIZE.title;
  const place = { x: MARGIN, y, "font-size": SIZE.title, "font-weight": 600, fill: ink(TEXT) };
  const heading = element("text", place, escapeText(title));
  if (legend.size < 2) return { parts: [heading], bottom: y + 8 };
  const { markup, bottom } = drawLegend(legend, y + 6, width - 2 * MARGIN);
  return { parts: [heading, markup], bottom: bottom + 8 };
}

/** Draws swatches and names in as many rows as needed. Widths are estimated, because text cannot be measured here. */
function drawLegend(
  legend: ReadonlyMap<string, Color>,
  top: number,
  width: number,
): { markup: string; bottom: number } {
  const parts: string[] = [];
  let x = 0, bottom = top + LINE_HEIGHT;
  for (const [name, color] of legend) {
    const needed = SWATCH + 6 + name.length * SIZE.heading * 0.56 + 18;
    if (x && x + needed > width) {
      x = 0;
      bottom += LINE_HEIGHT;
    }
    const left = MARGIN + x;
    parts.push(
      element("rect", { x: left, y: bottom - SWATCH, width: SWATCH, height: SWATCH, rx: 2, fill: ink(color) }),
      element(
        "text",
        { x: left + SWATCH + 6, y: bottom - 1, "font-size": SIZE.heading, fill: ink(TEXT) },
        escapeText(name),
      ),
    );
    x += needed;
  }
  return { markup: parts.join("\n"), bottom };
}
