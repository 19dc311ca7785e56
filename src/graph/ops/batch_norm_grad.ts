/**
 * The backward of batch norm, over running statistics and over the batch's own. With xhat = (x - mean) / sqrt(variance
 * + eps).
 */

import { ShapeError } from "../../errors.ts";
import type { Operator, Value } from "../graph.ts";
import { expectOptional, expectShape } from "./shared.ts";

/**
 * The gradient to the weight: by channel, the sum of gradient * xhat; -> [C]. The bias's is the channel_sum of
 * gradient.
 */
export const batchNormWeightGrad: Operator<
  {
    /** [B, C] or [B, C, H, W] */
    x: Value;
    /** The shape of x. */
    gradient: Value;
    /** [C] */
    mean: Value;
    /** [C], biased */
    variance: Value;
  },
  { readonly eps: number }
> = {
  name: "batch_norm_weight_grad",
  shape({ x, gradient, mean, variance }) {
    const channels = [x.shape[1]];
    expectShape("gradient", gradient.shape, x.shape);
    expectShape("mean", mean.shape, channels);
    expectShape("variance", variance.shape, channels);
    return channels;
  },
};

/**
 * The gradient to x. If the statistics are constants, it is weight / sqrt(variance + eps) * gradient. If they are x's own,
 * it goes through them too: with N = B H W elements a channel,
 *
 *     weight / sqrt(variance + eps) * (gradient - (biasGradient + xhat * weightGradient) / N)
 *
 * The second form is used if x, mean, weightGradient and biasGradient are given.
 */
export const batchNormInputGrad: Operator<
  {
    /** [B, C] or [B, C, H, W] */
    gradient: Value;
    /** [C] */
    weight: Value;
    /** [C], biased */
    variance: Value;
    /** The shape of gradient. */
    x?: Value;
    /** [C] */
    mean?: Value;
    /** [C], of batch_norm_weight_grad */
    weightGradient?: Value;
    /** [C], the channel_sum of gradient */
    biasGradient?: Value;
  },
  { readonly eps: number }
> = {
  name: "batch_norm_input_grad",
  shape({ gradient, weight, variance, x, mean, weightGradient, biasGradient }) {
    const channels = [gradient.shape[1]];
    expectShape("weight", weight.shape, channels);
    expectShape("variance", variance.shape, channels);
    expectOptional("x", x, gradient.shape);
    const own = { mean, weightGradient, biasGradient };
    for (const [name, value] of Object.entries(own)) {
      expectOptional(name, value, channels);
      if (!value !== !x) throw new ShapeError("x, mean, weightGradient and biasGradient come together or not at all");
    }
    return gradient.shape;
  },
};
