/**
 * The extents of one convolution in blocks of four channels.
 *
 * @module
 */

import type { Shape } from "../../../../graph/graph.ts";
import type { Pair, WindowAttributes } from "../../../../graph/ops/shared.ts";
import { blocked, type BlockedShape, blocksOf } from "../../../plan/layout.ts";

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
  /** Texels of one kernel's weights. */
  readonly weightTexels: number;
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
  };
}

/** Whether the whole image counts as one row: no tap reaches beyond its own pixel. */
export function isFlat({ kernel, stride, padding }: ConvolutionGeometry): boolean {
  return kernel[0] * kernel[1] === 1 && stride[0] * stride[1] === 1 && padding[0] + padding[1] === 0;
}
