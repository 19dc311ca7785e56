import { figure, type FigureOptions } from "./figure.ts";
import { ink } from "./svg.ts";
import { AMOUNT, DIFFERENCE, step, textOn } from "./theme.ts";

/** A grid of numbers. */
export interface HeatmapPanel {
  /** Stands above it. */
  readonly heading?: string;
  /** Row by row. */
  readonly values: ArrayLike<number>;
  /** Numbers in a row. */
  readonly columns: number;
  /** Which number has the ramp's first colour and which its last; for differences the magnitude of both ends. */
  readonly scale: { readonly low: number; readonly high: number } | { readonly most: number };
  /** What stands in a cell; nothing if left out. */
  readonly write?: (value: number) => string;
}

const CELL = 40, ROW = 28;

/** Grids of numbers beside each other, as SVG: amounts from pale to deep, differences from orange over none to blue. */
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
