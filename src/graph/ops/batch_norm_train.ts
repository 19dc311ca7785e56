import { ShapeError } from "../../errors.ts";
import { type Operator, size, type Value } from "../graph.ts";
import { batchNormInputGrad, batchNormWeightGrad } from "./batch_norm_grad.ts";
import { channelSum } from "./reductions.ts";
import { expectOptional, expectShape } from "./shared.ts";

/**
 * torch.nn.functional.batch_norm in training: weight (x - mean) / sqrt(variance + eps) + bias by channel, where mean and
 * variance are x's own (channel_sum and channel_variance). The numbers are batch_norm's; The gradient to x goes through
 * the statistics as well, so these have none of their own.
 */
export const batchNormTrain: Operator<
  {
    /** [B, C] or [B, C, H, W] */
    x: Value;
    /** [C] */
    weight: Value;
    /** [C] */
    bias: Value;
    /** [C], of x */
    mean: Value;
    /** [C], of x, biased */
    variance: Value;
  },
  { readonly eps: number }
> = {
  name: "batch_norm_train",
  shape({ x, weight, bias, mean, variance }) {
    const channels = [x.shape[1]];
    if (size(x.shape) === x.shape[1]) {
      throw new ShapeError(
        `expected more than 1 value per channel when training, got an input of [${
          x.shape.join(", ")
        }]: one value has ` +
          "no variance; use a batch of 2 or more, or freeze this layer's statistics",
      );
    }
    Object.entries({ weight, bias, mean, variance }).forEach(([name, v]) => expectShape(name, v.shape, channels));
    return x.shape;
  },
  gradient({ operands, attributes, gradient, needs, apply }) {
    const { x, weight, mean, variance } = operands;
    const weightGradient = needs("x") || needs("weight")
      ? apply(batchNormWeightGrad, { x, gradient, mean, variance }, attributes)
      : null;
    const biasGradient = needs("x") || needs("bias") ? apply(channelSum, { x: gradient }, { scale: 1 }) : null;
    return {
      x: needs("x") && weightGradient && biasGradient
        ? apply(batchNormInputGrad, { gradient, weight, variance, x, mean, weightGradient, biasGradient }, attributes)
        : null,
      weight: weightGradient,
      bias: biasGradient,
      mean: null,
      variance: null,
    };
  },
};

/** The new value of a running statistic: (1 - momentum) * running + momentum * correction * batch. */
export const runningAverage: Operator<
  {
    /** [C] */
    running: Value;
    /** [C] */
    batch: Value;
    /** [1]; if it is 0, the result is `running`; 1 if left out. */
    condition?: Value;
  },
  {
    /** PyTorch's: the share of the new. */
    readonly momentum: number;
    /** N / (N - 1) makes a biased variance of N values unbiased, as PyTorch keeps it; else 1. */
    readonly correction: number;
  }
> = {
  name: "running_average",
  shape({ running, batch, condition }) {
    expectShape("batch", batch.shape, running.shape);
    expectOptional("condition", condition, [1]);
    return running.shape;
  },
};
