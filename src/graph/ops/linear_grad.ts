/** The backward of linear. The bias's gradient is a channel_sum. */

import type { Operator, Shape, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { expectShape } from "./shared.ts";

/** gradient weight: dx[b,i] = sum over o of gradient[b,o] weight[o,i]; -> [B, I]. */
export const linearInputGrad: Operator<
  {
    /** [B, O] */
    gradient: Value;
    /** [O, I] or [O, I, 1, 1] */
    weight: Value;
  },
  Record<never, never>
> = {
  name: "linear_input_grad",
  shape({ gradient, weight }) {
    expectShape("gradient", gradient.shape, [-1, weight.shape[0]]);
    return [gradient.shape[0], weight.shape[1]];
  },
  madds: ({ gradient, weight }) => gradient.shape[0] * size(weight.shape),
};

/** gradient^T x: dweight[o,i] = sum over b of gradient[b,o] x[b,i]. */
export const linearWeightGrad: Operator<
  {
    /** [B, I] */
    x: Value;
    /** [B, O] */
    gradient: Value;
  },
  {
    /** The output's: [O, I] or [O, I, 1, 1]. */
    readonly weightShape: Shape;
  }
> = {
  name: "linear_weight_grad",
  shape({ x, gradient }, { weightShape }) {
    expectShape("gradient", gradient.shape, [x.shape[0], weightShape[0]]);
    expectShape("x", x.shape, [-1, weightShape[1]]);
    return weightShape;
  },
  madds: ({ x }, { weightShape }) => x.shape[0] * size(weightShape),
};
