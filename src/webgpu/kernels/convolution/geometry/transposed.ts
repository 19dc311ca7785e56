/**
 * The gradient to a convolution's input, as a convolution of the output's gradient. The weight's inputs and outputs are
 * swapped and its taps are reversed.
 *
 * @module
 */

import type { Shape } from "../../../../graph/graph.ts";
import type { Pair, WindowAttributes } from "../../../../graph/ops/shared.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./geometry.ts";

/**
 * Returns the geometry of the convolution from the gradient [B, Cout, H', W'] to x [B, Cin, H, W]. The forward
 * convolution has `weight` [Cout, Cin/groups, kh, kw] and stride 1. With another stride, a tap affects only some pixels
 * (../direct/strided_input_grad.ts).
 */
export function transposedGeometry(
  gradient: Shape,
  [cout, cinPerGroup, kh, kw]: Shape,
  x: Shape,
  { padding, dilation, groups }: WindowAttributes & { readonly groups: number },
): ConvolutionGeometry {
  const swapped = [cinPerGroup * groups, cout / groups, kh, kw];
  const reach = (k: number, i: 0 | 1) => dilation[i] * (k - 1) - padding[i];
  const around: Pair = [reach(kh, 0), reach(kw, 1)];
  const window = { stride: [1, 1], padding: around, dilation, groups } as const;
  return convolutionGeometry(gradient, swapped, x, window);
}
