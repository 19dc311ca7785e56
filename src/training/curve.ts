/**
 * A run's learning curves as a picture: loss and top-1 accuracy over epochs, of training and of validation.
 *
 * @module
 */

import type { EpochMetrics, StepMetrics } from "./metrics.ts";

type Point = readonly [x: number, y: number];

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
}

interface Chart {
  readonly title: string;
  readonly lines: readonly Line[];
}

const WIDTH = 420, HEIGHT = 300;
const MARGIN = { left: 52, right: 16, top: 36, bottom: 40 };
const TRAIN = "#0072b2", VALIDATION = "#d55e00";
/** Points of a line of steps: more than a picture shows. */
const MOST_POINTS = 300;

/** The curves as SVG. Steps are averaged where there are more of them than the picture has room for. */
export function drawCurves(steps: readonly StepMetrics[], epochs: readonly EpochMetrics[], title: string): string {
  const perEpoch = stepsPerEpoch(steps);
  const losses: Point[] = steps.map(({ step, loss }) => [(step + 1) / perEpoch, loss]);
  const of = (key: keyof EpochMetrics): Point[] => epochs.map((epoch) => [epoch.epoch + 1, epoch[key]]);
  const charts: Chart[] = [
    {
      title: "loss",
      lines: [
        { name: "training", colour: TRAIN, points: thin(losses) },
        { name: "validation", colour: VALIDATION, points: of("valLoss") },
      ],
    },
    {
      title: "top-1, %",
      lines: [
        { name: "training", colour: TRAIN, points: of("trainTop1") },
        { name: "validation", colour: VALIDATION, points: of("valTop1") },
      ],
    },
  ];
  const drawn = charts.map((chart, i) => `<g transform="translate(${i * WIDTH} 24)">\n${drawChart(chart)}\n</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH * charts.length} ${HEIGHT + 24}" \
font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${MARGIN.left}" y="22" font-size="14">${escape(title)}</text>
${drawn.join("\n")}
</svg>
`;
}

/** Steps of the first epoch: of all of them where it is not over. */
function stepsPerEpoch(steps: readonly StepMetrics[]): number {
  const second = steps.findIndex(({ epoch }) => epoch > 0);
  return Math.max(second < 0 ? steps.length : second, 1);
}

/** Means of neighbours. */
function thin(points: readonly Point[]): Point[] {
  const each = Math.ceil(points.length / MOST_POINTS);
  const means: Point[] = [];
  for (let i = 0; i < points.length; i += each) {
    const some = points.slice(i, i + each);
    const mean = (axis: 0 | 1) => some.reduce((sum, point) => sum + point[axis], 0) / some.length;
    means.push([mean(0), mean(1)]);
  }
  return means;
}

function drawChart({ title, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points);
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]).filter(Number.isFinite));
  const xTicks = ticks(0, Math.max(...xs, 1));
  const yTicks = ticks(Math.min(...ys, Infinity), Math.max(...ys, -Infinity));
  const [x0, x1] = [MARGIN.left, WIDTH - MARGIN.right];
  const [y0, y1] = [HEIGHT - MARGIN.bottom, MARGIN.top];
  const x = (value: number) => x0 + (x1 - x0) * (value - xTicks[0]) / (xTicks.at(-1)! - xTicks[0]);
  const y = (value: number) => y0 + (y1 - y0) * (value - yTicks[0]) / (yTicks.at(-1)! - yTicks[0]);
  return [
    `<text x="${x0}" y="${y1 - 10}">${escape(title)}</text>`,
    ...lines.map(({ name, colour }, i) =>
      `<text x="${x1 - 80 * (lines.length - 1 - i)}" y="${y1 - 10}" text-anchor="end" fill="${colour}">${name}</text>`
    ),
    ...yTicks.map((tick) =>
      `<path d="M${x0} ${round(y(tick))}H${x1}" stroke="#ddd"/>` +
      `<text x="${x0 - 6}" y="${round(y(tick) + 4)}" text-anchor="end" fill="#555">${label(tick)}</text>`
    ),
    ...xTicks.map((tick) =>
      `<text x="${round(x(tick))}" y="${y0 + 18}" text-anchor="middle" fill="#555">${label(tick)}</text>`
    ),
    `<text x="${x1}" y="${y0 + 34}" text-anchor="end" fill="#555">epochs</text>`,
    ...lines.filter((line) => line.points.length).map(({ colour, points }) => drawLine(colour, points, x, y)),
  ].join("\n");
}

function drawLine(
  colour: string,
  points: readonly Point[],
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const [first] = points;
  if (points.length === 1) {
    return `<circle cx="${round(x(first[0]))}" cy="${round(y(first[1]))}" r="3" fill="${colour}"/>`;
  }
  const path = points.map(([px, py]) => `${round(x(px))} ${round(y(py))}`).join("L");
  return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
}

/** Round numbers from at most `low` to at least `high`, four to nine of them. */
function ticks(low: number, high: number): number[] {
  if (!(high > low)) return ticks(Number.isFinite(low) ? low - 1 : 0, Number.isFinite(low) ? low + 1 : 1);
  const magnitude = 10 ** Math.floor(Math.log10((high - low) / 4));
  const unit = magnitude * [5, 2, 1].find((n) => n * magnitude * 4 <= high - low)!;
  const first = Math.floor(low / unit);
  return Array.from({ length: Math.ceil(high / unit) - first + 1 }, (_, i) => (first + i) * unit);
}

const round = (value: number): string => value.toFixed(1);
const label = (value: number): string => String(Number(value.toPrecision(6)));

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  return text.replace(/[&<>]/g, (character) => entities[character]);
}
