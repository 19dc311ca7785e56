/**
 * The extents of one convolution in blocks of four channels, and the layouts of its weights.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { Pair, WindowAttributes } from "../../graph/ops/shared.ts";
import { blocked, type BlockedShape, blocksOf } from "../layout.ts";

/** A convolution as its kernels see it. */
export interface ConvolutionGeometry {
  readonly input: BlockedShape;
  readonly output: BlockedShape;
  /** [vertical, horizontal] extents of the window. */
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  /** Every channel its own group: weights are [C/4][tap] texels, four channels each. */
  readonly depthwise: boolean;
  /** Groups after {@link mergeFactor}. */
  readonly groups: number;
  /** Blocks of input channels of a merged group. */
  readonly groupInputs: number;
  /** Blocks of output channels of a merged group. */
  readonly groupOutputs: number;
  /** Texels of one kernel's packed weights. */
  readonly weightTexels: number;
  /** Lays weights [n][Cout, Cin/groups, kh, kw] out for the kernels, n kernels one after the other. */
  readonly pack: (data: Float32Array, out: Float32Array) => void;
}

/**
 * How many groups to merge so that groups begin and end at blocks of four channels; the zeros between merged groups are
 * multiplied. All of them where no smaller number does.
 */
function mergeFactor(groups: number, cin: number, cout: number): number {
  for (let m = 1; m < groups; m++) {
    if (groups % m === 0 && (cin * m) % 4 === 0 && (cout * m) % 4 === 0) return m;
  }
  return groups;
}

/** The geometry of a convolution of x by `weight` [Cout, Cin/groups, kh, kw]. */
export function convolutionGeometry(
  x: Shape,
  weight: Shape,
  out: Shape,
  { stride, padding, dilation, groups }: WindowAttributes & { readonly groups: number },
): ConvolutionGeometry {
  const [cout, cinPerGroup, kh, kw] = weight;
  const coutPerGroup = cout / groups;
  const taps = kh * kw;
  const common = { input: blocked(x), output: blocked(out), kernel: [kh, kw] as Pair, stride, padding, dilation };
  if (cinPerGroup === 1 && coutPerGroup === 1) {
    const blocks = blocksOf(cout);
    return {
      ...common,
      depthwise: true,
      groups: blocks,
      groupInputs: 1,
      groupOutputs: 1,
      weightTexels: blocks * taps,
      pack: (data, out) => packDepthwise(cout, taps, data, out),
    };
  }
  const merged = mergeFactor(groups, cinPerGroup, coutPerGroup);
  const groupInputs = blocksOf(cinPerGroup * merged);
  const groupOutputs = blocksOf(coutPerGroup * merged);
  return {
    ...common,
    depthwise: false,
    groups: groups / merged,
    groupInputs,
    groupOutputs,
    weightTexels: (groups / merged) * groupInputs * taps * 4 * groupOutputs,
    pack: (data, out) =>
      packDense({ cout, cinPerGroup, coutPerGroup, taps, merged, groupInputs, groupOutputs }, data, out),
  };
}

/** [C][1][tap] -> [C/4][tap] texels. */
function packDepthwise(channels: number, taps: number, data: Float32Array, out: Float32Array): void {
  const kernelFloats = blocksOf(channels) * taps * 4;
  for (let from = 0, base = 0; from < data.length; base += kernelFloats) {
    for (let c = 0; c < channels; c++) {
      for (let tap = 0; tap < taps; tap++) out[base + ((c >> 2) * taps + tap) * 4 + (c & 3)] = data[from++];
    }
  }
}

/** Output channels that are laid out together: they lie side by side, and as many rows of the weight stay in a cache. */
const ROWS = 16;

/** [Cout][Cin/groups][tap] -> [group][Cin/4][tap][Cin%4][Cout/4] texels of four output channels. */
function packDense(
  { cout, cinPerGroup, coutPerGroup, taps, merged, groupInputs, groupOutputs }: {
    cout: number;
    cinPerGroup: number;
    coutPerGroup: number;
    taps: number;
    merged: number;
    groupInputs: number;
    groupOutputs: number;
  },
  data: Float32Array,
  out: Float32Array,
): void {
  const groupFloats = groupInputs * taps * 4 * groupOutputs * 4;
  const kernelFloats = (cout / coutPerGroup / merged) * groupFloats;
  const tapFloats = 4 * groupOutputs * 4;
  const row = cinPerGroup * taps;
  for (let from = 0, base = 0; from < data.length; base += kernelFloats) {
    for (let first = 0, rows = 0; first < cout; first += rows, from += rows * row) {
      const original = Math.floor(first / coutPerGroup);
      rows = Math.min(ROWS, (original + 1) * coutPerGroup - first);
      const group = Math.floor(original / merged);
      const column = base + group * groupFloats + (first - group * merged * coutPerGroup);
      const firstInput = (original - group * merged) * cinPerGroup;
      for (let i = 0; i < cinPerGroup; i++) {
        let to = column + ((firstInput + i) >> 2) * taps * tapFloats + ((firstInput + i) & 3) * groupOutputs * 4;
        for (let tap = 0; tap < taps; tap++, to += tapFloats) {
          const source = from + i * taps + tap;
          for (let o = 0; o < rows; o++) out[to + o] = data[source + o * row];
        }
      }
    }
  }
}
