import type { Resource } from "../../../plan/kernel.ts";
import type { WeightLayout } from "../weights/weight_layout.ts";
import type { Epilogue } from "./epilogue.ts";

/** The operands of a convolution's dispatch. */
export interface ConvolutionOperands extends Epilogue {
  readonly x: Resource;
  /** One kernel for all samples, or one for each sample of the dispatch. */
  readonly weight: Resource;
  readonly layout: WeightLayout;
  /** [B, Cin]: scales the input's channels. */
  readonly channel?: Resource;
  /** [B, kh*kw]: scales the window's taps. */
  readonly spatial?: Resource;
  /** [B, n]: mixes the n kernels of `weight`. */
  readonly kernel?: Resource;
  /** n; 1 if left out. */
  readonly kernels?: number;
  readonly y: Resource;
  /** Whether each sample has its own kernel. The first sample of the dispatch has the first kernel. */
  readonly perSampleWeights: boolean;
  /** The samples [first, end) to compute. */
  readonly samples: readonly [number, number];
}
