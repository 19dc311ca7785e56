/** The passes over a graph before it is compiled for inference. */

import type { Graph } from "../graph.ts";
import { foldBatchNorm } from "./fold_batch_norm.ts";
import { fuseEpilogue } from "./fuse_epilogue.ts";
import { fuseMixing } from "./fuse_mixing.ts";
import { removeDropout } from "./remove_dropout.ts";

/** The same results (to rounding) from fewer nodes. Valid if running statistics are used and dropout is off. */
export function optimizeForInference(graph: Graph): Graph {
  return [removeDropout, fuseMixing, foldBatchNorm, fuseEpilogue].reduce((g, pass) => pass(g), graph);
}
