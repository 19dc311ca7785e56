import { type Axis, hasPlace, scaleOf } from "./axis.ts";
import { colorsOf, figure, type FigureOptions } from "./figure.ts";
import { ink } from "./svg.ts";
import { LINE, SERIES, TEXT } from "./theme.ts";

/** A bar. */
export interface Bar {
  /** The bar's group, such as a model. Groups are shown in the order of their first bars. */
  readonly group: string;
  /** The bar's series, such as a program. It is shown in the legend. Left out if each group has one bar. */
  readonly series?: string;
  /** The bar's length. If it is not finite, only the `note` is shown. */
  readonly value: number;
  /** Smallest and largest measured value, or quartiles. Drawn as a thin line. */
  readonly range?: readonly [low: number, high: number];
  /** Text beside the bar. @default the value, to three digits */
  readonly note?: string;
}

/** Options of a bar chart. */
export interface BarChartOptions extends FigureOptions {
  /** The axis ends at this value or above it: 100 for percentages of a whole. */
  readonly most?: number;
}

const WIDTH = 720, BAR = 16, GAP = 12, CHARACTER = 6.4;

/**
 * Draws grouped horizontal bars as SVG, for example the times of several programs by model. On a logarithmic axis, bars
 * start at the power of ten below the smallest value, and values that are not positive have no bar.
 */
export function barChart(bars: readonly Bar[], value: Axis, options: BarChartOptions): Promise<string> {
  const shown = bars.map((bar) => ({ series: "", note: String(Number(bar.value.toPrecision(3))), ...bar }));
  const colors = colorsOf(shown.map(({ series }) => series));
  const groups = [...new Set(shown.map(({ group }) => group))];
  const drawn = shown.filter((bar) => hasPlace(value, bar.value));
  const domain = fromStart(value, drawn.flatMap((bar) => [bar.value, ...bar.range ?? []]), options.most);
  const [start] = domain;
  const { scale, axis } = scaleOf(value, domain);
  const names = Math.max(0, ...groups.map((name) => name.length)) * CHARACTER;
  const notes = Math.max(0, ...shown.map(({ note }) => note.length)) * CHARACTER;
  const perGroup = Math.max(1, colors.size);
  return figure(
    [{
      width: options.width ?? WIDTH,
      height: groups.length * (perGroup * BAR + GAP) + 50,
      plot: (Plot) => ({
        marginLeft: Math.min(names + 12, 260),
        marginRight: notes + 14,
        marginTop: 6,
        marginBottom: 40,
        x: scale,
        y: { axis: null, domain: [...colors.keys()], padding: 0.12 },
        fy: { domain: groups, label: null, padding: GAP / (perGroup * BAR + GAP), axis: "left" },
        marks: [
          Plot.axisX(axis),
          Plot.gridX({ ticks: axis.ticks, stroke: ink(LINE), strokeOpacity: 1 }),
          Plot.barX(drawn, {
            fy: "group",
            y: "series",
            x1: start,
            x2: "value",
            fill: (bar: typeof drawn[number]) => ink(colors.get(bar.series) ?? SERIES[0]),
            rx2: 2,
          }),
          Plot.ruleY(drawn.filter(({ range }) => range), {
            fy: "group",
            y: "series",
            x1: (bar: typeof drawn[number]) => value.log ? Math.max(bar.range![0], start) : bar.range![0],
            x2: (bar: typeof drawn[number]) => bar.range![1],
            stroke: ink(TEXT),
          }),
          Plot.text(shown, {
            fy: "group",
            y: "series",
            x: (bar: typeof shown[number]) =>
              drawn.includes(bar) ? Math.max(bar.value, bar.range?.[1] ?? bar.value) : start,
            text: "note",
            textAnchor: "start",
            dx: 5,
            fill: ink(TEXT),
          }),
        ],
        color: { type: "identity" },
      }),
    }],
    colors,
    options,
  );
}

/** Returns the range from zero, or from a power of ten, to the largest number. */
function fromStart({ log }: Axis, numbers: readonly number[], most = 0): [low: number, high: number] {
  const low = numbers.reduce((a, b) => Math.min(a, b), log ? Infinity : 0);
  const high = numbers.reduce((a, b) => Math.max(a, b), most);
  if (!log) return [low, high > low ? high : 1];
  return high > 0 ? [10 ** Math.floor(Math.log10(low * 0.999)), high] : [1, 10];
}
