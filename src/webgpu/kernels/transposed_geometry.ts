/**
 * The gradient to a convolution's input, seen as a convolution of the output's gradient: inputs and outputs of the
 * weight swap places and its taps run backwards.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { Pair, WindowAttributes } from "../../graph/ops/shared.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./convolution_geometry.ts";

/**
 * The geometry of the convolution that takes the gradient [B, Cout, H', W'] to x [B, Cin, H, W], where the forward one
 * has `weight` [Cout, Cin/groups, kh, kw] and stride 1. Where it has not, taps meet only every so many pixels
 * (./strided_input_grad.ts), but the weights are laid out the same.
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
  const geometry = convolutionGeometry(gradient, swapped, x, window);
  return {
    ...geometry,
    pack: (data, out) => geometry.pack(transpose(data, cout / groups, cinPerGroup, kh * kw), out),
  };
}

/** [n][group][o][i][tap] -> [n][group][i][o][last tap - tap] */
function transpose(
  data: Float32Array,
  outputs: number,
  inputs: number,
  taps: number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  const group = outputs * inputs * taps;
  for (let base = 0; base < data.length; base += group) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const from = base + (o * inputs + i) * taps;
        const last = base + (i * outputs + o) * taps + taps - 1;
        for (let tap = 0; tap < taps; tap++) result[last - tap] = data[from + tap];
      }
    }
  }
  return result;
}
