/** What the backward of a convolution sums over: its window, channels, pixels and taps. */

import type { Shape } from "../../graph/graph.ts";
import type { WindowAttributes } from "../../graph/ops/shared.ts";
import { tapTable, type Window, windowOver } from "./taps.ts";

/** What a convolution contracts. */
export interface Contraction {
  readonly window: Window;
  /** tapTable() of the window. */
  readonly table: Int32Array;
  readonly groups: number;
  readonly cin: number;
  readonly cout: number;
  /** H' W' */
  readonly pixels: number;
  /** kh kw */
  readonly taps: number;
}

/** The contraction of a convolution between these shapes in the graph; `weight` may be of several kernels. */
export function contractionOf(
  x: Shape,
  weight: Shape,
  y: Shape,
  attributes: WindowAttributes & { readonly groups: number },
): Contraction {
  const [kh, kw] = weight.slice(-2);
  const window = windowOver(x, y, [kh, kw], attributes);
  const { groups } = attributes;
  return { window, table: tapTable(window), groups, cin: x[1], cout: y[1], pixels: y[2] * y[3], taps: kh * kw };
}
