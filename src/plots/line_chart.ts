import { type Axis, domainOf, hasPlace, scaleOf } from "./axis.ts";
import { colorsOf, figure, type FigureOptions } from "./figure.ts";
import { ink } from "./svg.ts";
import { LINE } from "./theme.ts";

/** A line. */
export interface Series {
  /** Name in the legend. Lines with one name have one colour in all panels. */
  readonly name: string;
  /** Points from left to right. A point with a number that is not finite is left out. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** If true, the line is thin and pale: for noisy values, such as losses of single steps. */
  readonly faint?: boolean;
}

/** Lines on common axes. */
export interface LinePanel {
  /** Text above the panel. */
  readonly heading?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const WIDTH = 420, HEIGHT = 280;

/**
 * Draws lines over a common axis as SVG, in one panel or several side by side. A line with one point is drawn as a dot.
 * A logarithmic axis leaves out values that are not positive.
 */
export function lineChart(panels: readonly LinePanel[], options: FigureOptions): Promise<string> {
  const colors = colorsOf(panels.flatMap(({ series }) => series.map(({ name }) => name)));
  return figure(
    panels.map(({ heading, x, y, series }) => ({
      heading,
      width: options.width ?? WIDTH,
      height: HEIGHT,
      plot(Plot) {
        const lines = series
          .map((line) => ({ ...line, points: line.points.filter(([px, py]) => hasPlace(x, px) && hasPlace(y, py)) }))
          .filter(({ points }) => points.length);
        const along = (which: 0 | 1) => lines.flatMap(({ points }) => points.map((point) => point[which]));
        const [across, up] = [scaleOf(x, domainOf(x, along(0))), scaleOf(y, domainOf(y, along(1)))];
        return {
          marginLeft: 52,
          marginTop: 22,
          marginBottom: 38,
          x: across.scale,
          y: { ...up.scale, nice: !y.log },
          marks: [
            Plot.gridY({ ticks: up.axis.ticks, stroke: ink(LINE), strokeOpacity: 1 }),
            Plot.axisY(up.axis),
            Plot.axisX(across.axis),
            ...lines.map(({ name, points, faint }) => {
              const stroke = ink(colors.get(name)!);
              if (points.length === 1) return Plot.dot(points as [number, number][], { fill: stroke, r: 3.5 });
              return Plot.line(
                points as [number, number][],
                faint ? { stroke, strokeOpacity: 0.6 } : { stroke, strokeWidth: 2 },
              );
            }),
          ],
        };
      },
    })),
    colors,
    options,
  );
}
