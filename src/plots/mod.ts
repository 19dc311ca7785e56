/**
 * Draws pictures as SVG text. The plotting library is loaded when the first picture is drawn. Drawing needs no display
 * and no permissions. Equal numbers give equal bytes. Pictures have a title and a description for people who do not see
 * them, and follow the reader's light or dark scheme.
 *
 * ```ts
 * const svg = await barChart(
 *   [
 *     { group: "od_resnet18", series: "odconv, WebGPU", value: 41.2, range: [40.8, 43.0] },
 *     { group: "od_resnet18", series: "ONNX Runtime", value: 77.5 },
 *   ],
 *   { label: "time an image", unit: "ms", log: true },
 *   { title: "Inference, batch 1" },
 * );
 * ```
 *
 * @module
 */

export type { Axis } from "./axis.ts";
export { type Bar, barChart, type BarChartOptions } from "./bar_chart.ts";
export type { FigureOptions } from "./figure.ts";
export { heatmap, type HeatmapPanel } from "./heatmap.ts";
export { histogram } from "./histogram.ts";
export { lineChart, type LinePanel, type Series } from "./line_chart.ts";
export { type Mosaic, mosaic, typicalMost } from "./mosaic.ts";
export { darkStyle } from "./svg.ts";
