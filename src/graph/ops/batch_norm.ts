import type { Operator, Value } from "../graph.ts";
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
};
