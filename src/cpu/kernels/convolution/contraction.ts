/** The sizes that the backward pass of a convolution sums over: window, channels, pixels and taps. */

import type { Shape } from "../../../graph/graph.ts";
import type { WindowAttributes } from "../../../graph/ops/shared.ts";
import { tapTable, type Window, windowOver } from "../tensors/taps.ts";

/** The sizes of a convolution's sums. */
export interface Contraction {
  readonly window: Window;
  /** The window's tapTable(). */
  readonly table: Int32Array;
  readonly groups: number;
  readonly cin: number;
  readonly cout: number;
  /** Number of output pixels, H' W'. */
  readonly pixels: number;
  /** Number of taps, kh kw. */
  readonly taps: number;
}

/** Returns the contraction of a convolution from its shapes in the graph. `weight` may hold several kernels. */
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
