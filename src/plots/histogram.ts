import { figure, type FigureOptions } from "./figure.ts";
import { ink } from "./svg.ts";
import { SERIES } from "./theme.ts";

const WIDTH = 120, HEIGHT = 28;

/**
 * Draws the shape of a distribution as a small SVG without axes, to be used in a line of text. `counts` are those of
 * equal bins, from left to right.
 */
export function histogram(counts: readonly number[], options: FigureOptions): Promise<string> {
  const bins = counts.map((count, i) => ({ from: i, to: i + 1, count }));
  return figure(
    [{
      width: options.width ?? WIDTH,
      height: HEIGHT,
      plot: (Plot) => ({
        margin: 0,
        x: { axis: null, domain: [0, counts.length] },
        y: { axis: null, domain: [0, counts.reduce((a, b) => Math.max(a, b), 1)] },
        marks: [Plot.rectY(bins, { x1: "from", x2: "to", y: "count", insetRight: 0.5, fill: ink(SERIES[0]) })],
      }),
    }],
    new Map(),
    { ...options, bare: true },
  );
}
