/**
 * The extents of one convolution in blocks of four channels.
 *
 * @module
 */

import type { Shape } from "../../../../graph/graph.ts";
import type { Pair, WindowAttributes } from "../../../../graph/ops/shared.ts";
import { blocked, type BlockedShape, blocksOf } from "../../../plan/layout.ts";

/** The shapes of a convolution as its kernels use them. */
export interface ConvolutionGeometry {
  readonly input: BlockedShape;
  readonly output: BlockedShape;
  /** The window's extents [vertical, horizontal]. */
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  /** Whether every channel is its own group. Weights are then [C/4][tap] texels of four channels. */
  readonly depthwise: boolean;
  /** The number of groups after {@link mergeFactor}. */
  readonly groups: number;
  /** Blocks of input channels of a merged group. */
  readonly groupInputs: number;
  /** Blocks of output channels of a merged group. */
  readonly groupOutputs: number;
  /** Texels of one kernel's weights. */
  readonly weightTexels: number;
}

/**
 * Returns how many groups to merge so that each merged group is whole blocks of four channels. The zeros between merged
 * groups are multiplied too. Returns the number of all groups if no smaller number works.
 */
function mergeFactor(groups: number, cin: number, cout: number): number {
  for (let m = 1; m < groups; m++) {
    if (groups % m === 0 && (cin * m) % 4 === 0 && (cout * m) % 4 === 0) return m;
  }
  return groups;
}

/** Returns the geometry of a convolution of x with `weight` [Cout, Cin/groups, kh, kw]. */
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

/** Whether the whole image can be treated as one row: each output pixel depends only on its own input pixel. */
export function isFlat({ kernel, stride, padding }: ConvolutionGeometry): boolean {
  return kernel[0] * kernel[1] === 1 && stride[0] * stride[1] === 1 && padding[0] + padding[1] === 0;
}
