import { size, type Value } from "../graph/graph.ts";
import { batchNorm } from "../graph/ops/batch_norm.ts";
import { batchNormTrain, runningAverage } from "../graph/ops/batch_norm_train.ts";
import { channelSum, channelVariance } from "../graph/ops/reductions.ts";
import { checkNumber, COUNT, FROM_ZERO, PROBABILITY } from "../arguments.ts";
import { constant } from "./init.ts";
import { Module, type Trace } from "./module.ts";
import { pythonNumber } from "./repr.ts";

/**
 * torch.nn.BatchNorm2d: x [B, C, H, W] or [B, C] -> the same shape. It uses its running statistics. In training it uses the
 * batch's, and updates the running ones. num_batches_tracked counts training steps, see countedBatches().
 */
export class BatchNorm2d extends Module {
  /** Added to the variance; 1e-5 if left out. */
  readonly eps: number;
  /** Share of the batch's statistics in the new running ones; 0.1 if left out. */
  readonly momentum: number;

  /** Arguments as torch.nn.BatchNorm2d's. Throws ArgumentError if one is out of its range. */
  constructor(features: number, eps: number = 1e-5, momentum: number = 0.1) {
    super();
    checkNumber("features", features, COUNT);
    checkNumber("eps", eps, FROM_ZERO);
    checkNumber("momentum", momentum, PROBABILITY);
    this.eps = eps;
    this.momentum = momentum;
    this.registerParameter("weight", [features], constant(1));
    this.registerParameter("bias", [features], constant(0));
    this.registerBuffer("running_mean", [features], constant(0));
    this.registerBuffer("running_var", [features], constant(1));
    this.registerBuffer("num_batches_tracked", [], constant(0), "I64");
  }

  /** Emits batch_norm, or in training batch_norm_train, its statistics and the updates of the running ones. */
  override forward(trace: Trace, x: Value): Value {
    const { eps } = this;
    const affine = { x, weight: trace.parameter("weight"), bias: trace.parameter("bias") };
    if (!trace.batchStatistics) {
      const [runningMean, runningVar] = [trace.buffer("running_mean"), trace.buffer("running_var")];
      return trace.apply(batchNorm, { ...affine, runningMean, runningVar }, { eps });
    }
    const count = size(x.shape) / x.shape[1];
    const mean = trace.apply(channelSum, { x }, { scale: 1 / count });
    const variance = trace.apply(channelVariance, { x, mean }, {});
    const y = trace.apply(batchNormTrain, { ...affine, mean, variance }, { eps });
    this.#track(trace, "running_mean", mean, 1);
    this.#track(trace, "running_var", variance, count / (count - 1));
    return y;
  }

  /** As PyTorch prints a batch norm with weight, bias and running statistics. */
  protected override extraRepr(): string {
    const [features] = this.parameters.get("weight")!.shape;
    const [eps, momentum] = [this.eps, this.momentum].map(pythonNumber);
    return `${features}, eps=${eps}, momentum=${momentum}, affine=True, bias=True, track_running_stats=True`;
  }

  #track(trace: Trace, buffer: string, batch: Value, correction: number): void {
    const running = trace.buffer(buffer);
    trace.update(buffer, trace.apply(runningAverage, { running, batch }, { momentum: this.momentum, correction }));
  }
}
