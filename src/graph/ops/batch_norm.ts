import type { Operator, Value } from "../graph.ts";
import { batchNormInputGrad, batchNormWeightGrad } from "./batch_norm_grad.ts";
import { channelSum } from "./reductions.ts";
import { expectShape } from "./shared.ts";

/** torch.nn.functional.batch_norm with the running statistics: weight (x - mean) / sqrt(var + eps) + bias by channel. */
export const batchNorm: Operator<
  {
    /** [B, C] or [B, C, H, W] */
    x: Value;
    /** [C] */
    weight: Value;
    /** [C] */
    bias: Value;
    /** [C] */
    runningMean: Value;
    /** [C] */
    runningVar: Value;
  },
  { readonly eps: number }
> = {
  name: "batch_norm",
  shape({ x, weight, bias, runningMean, runningVar }) {
    const channels = [x.shape[1]];
    expectShape("weight", weight.shape, channels);
    expectShape("bias", bias.shape, channels);
    expectShape("running mean", runningMean.shape, channels);
    expectShape("running variance", runningVar.shape, channels);
    return x.shape;
  },
  gradient({ operands, attributes, gradient, needs, apply }) {
    const { x, weight, runningMean: mean, runningVar: variance } = operands;
    return {
      x: needs("x") ? apply(batchNormInputGrad, { gradient, weight, variance }, attributes) : null,
      weight: needs("weight") ? apply(batchNormWeightGrad, { x, gradient, mean, variance }, attributes) : null,
      bias: needs("bias") ? apply(channelSum, { x: gradient }, { scale: 1 }) : null,
    };
  },
};
