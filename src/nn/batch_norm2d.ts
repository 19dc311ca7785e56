import type { Value } from "../graph/graph.ts";
import { batchNorm } from "../graph/ops/batch_norm.ts";
import { constant } from "./init.ts";
import { Module, type Trace } from "./module.ts";

/** torch.nn.BatchNorm2d with its running statistics: x [B, C, H, W] or [B, C] -> the same shape. */
export class BatchNorm2d extends Module {
  /** Added to the variance; 1e-5 if left out. */
  readonly eps: number;

  /** Arguments as torch.nn.BatchNorm2d's. */
  constructor(features: number, eps: number = 1e-5) {
    super();
    this.eps = eps;
    this.registerParameter("weight", [features], constant(1));
    this.registerParameter("bias", [features], constant(0));
    this.registerBuffer("running_mean", [features], constant(0));
    this.registerBuffer("running_var", [features], constant(1));
    this.registerBuffer("num_batches_tracked", [], constant(0), "I64");
  }

  /** Emits batch_norm. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(batchNorm, {
      x,
      weight: trace.parameter("weight"),
      bias: trace.parameter("bias"),
      runningMean: trace.parameter("running_mean"),
      runningVar: trace.parameter("running_var"),
    }, { eps: this.eps });
  }
}
