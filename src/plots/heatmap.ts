import { figure, type FigureOptions } from "./figure.ts";
import { ink } from "./svg.ts";
import { AMOUNT, DIFFERENCE, step, textOn } from "./theme.ts";

/** A grid of numbers. */
export interface HeatmapPanel {
  /** Text above the panel. */
  readonly heading?: string;
  /** The numbers, row by row. */
  readonly values: ArrayLike<number>;
  /** Number of columns. */
  readonly columns: number;
  /** The numbers with the first and the last colour of the ramp. For differences, the magnitude at both ends. */
  readonly scale: { readonly low: number; readonly high: number } | { readonly most: number };
  /** Returns the text of a cell. If left out, cells have no text. */
  readonly write?: (value: number) => string;
}

const CELL = 40, ROW = 28;

/**
 * Draws grids of numbers side by side as SVG. Amounts are pale to deep. Differences are orange below zero, the
 * background colour at zero and blue above it.
 */
export function heatmap(panels: readonly HeatmapPanel[], options: FigureOptions): Promise<string> {
  return figure(
    panels.map(({ heading, values, columns, scale, write }) => {
      const rows = Math.ceil(values.length / columns);
      const cells = Array.from(values, (value, i) => {
        const color = "most" in scale
          ? step(DIFFERENCE, (value / (scale.most || 1) + 1) / 2)
          : step(AMOUNT, (value - scale.low) / (scale.high - scale.low || 1));
        return { x: i % columns, y: Math.floor(i / columns), value, color };
      });
      const text = (value: number) => write!(value);
      return {
        heading,
        width: options.width ?? Math.max(columns * CELL, 60) + 12,
        height: rows * ROW,
        plot: (Plot) => ({
          margin: 0,
          marginRight: 12,
          x: { axis: null, padding: 0.05 },
          y: { axis: null, padding: 0.05 },
          color: { type: "identity" },
          marks: [
            Plot.cell(cells, { x: "x", y: "y", fill: (cell: typeof cells[number]) => ink(cell.color), rx: 2 }),
            ...write
              ? [Plot.text(cells, {
                x: "x",
                y: "y",
                text: (cell: typeof cells[number]) => text(cell.value),
                fill: (cell: typeof cells[number]) => ink(textOn(cell.color)),
              })]
              : [],
          ],
        }),
      };
    }),
    new Map(),
    options,
  );
}
