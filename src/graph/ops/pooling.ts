import type { Operator, Shape, Value } from "../graph.ts";
import { avgPool2dGrad, globalAvgPoolGrad, maxPool2dGrad } from "./pooling_grad.ts";
import { expectShape, type Pair, type PoolAttributes, windowExtent } from "./shared.ts";

export type { PoolAttributes } from "./shared.ts";

const inputSize = (x: Value): Pair => [x.shape[2], x.shape[3]];

function pooled({ x }: { x: Value }, { kernelSize, stride, padding }: PoolAttributes): Shape {
  expectShape("x", x.shape, [-1, -1, -1, -1]);
  const extent = (i: 0 | 1) => windowExtent(x.shape[2 + i], kernelSize[i], stride[i], padding[i], 1);
  return [x.shape[0], x.shape[1], extent(0), extent(1)];
}

/** torch.nn.functional.max_pool2d (padding never wins; no ceil_mode, no dilation). */
export const maxPool2d: Operator<{ x: Value }, PoolAttributes> = {
  name: "max_pool2d",
  shape: pooled,
  gradient: ({ operands: { x }, attributes, gradient, apply }) => ({
    x: apply(maxPool2dGrad, { x, gradient }, attributes),
  }),
};

/** torch.nn.functional.avg_pool2d (padding counts as zeros, PyTorch's count_include_pad=True; no ceil_mode). */
export const avgPool2d: Operator<{ x: Value }, PoolAttributes> = {
  name: "avg_pool2d",
  shape: pooled,
  gradient: ({ operands: { x }, attributes, gradient, apply }) => ({
    x: apply(avgPool2dGrad, { gradient }, { ...attributes, inputSize: inputSize(x) }),
  }),
};

/** Mean over height and width: [B, C, H, W] -> [B, C]. */
export const globalAvgPool: Operator<{ x: Value }, Record<never, never>> = {
  name: "global_avg_pool",
  shape({ x }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    return [x.shape[0], x.shape[1]];
  },
  gradient: ({ operands: { x }, gradient, apply }) => ({
    x: apply(globalAvgPoolGrad, { gradient }, { inputSize: inputSize(x) }),
  }),
};
