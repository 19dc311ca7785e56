import type { Operator, Shape, Value } from "../graph.ts";
import { expectShape, type Pair, windowExtent } from "./shared.ts";

/** Attributes of the two sliding-window poolings. */
export type PoolAttributes = {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
};

function pooled({ x }: { x: Value }, { kernelSize, stride, padding }: PoolAttributes): Shape {
  expectShape("x", x.shape, [-1, -1, -1, -1]);
  const extent = (i: 0 | 1) => windowExtent(x.shape[2 + i], kernelSize[i], stride[i], padding[i], 1);
  return [x.shape[0], x.shape[1], extent(0), extent(1)];
}

/** torch.nn.functional.max_pool2d (padding never wins; no ceil_mode, no dilation). */
export const maxPool2d: Operator<{ x: Value }, PoolAttributes> = { name: "max_pool2d", shape: pooled };

/** torch.nn.functional.avg_pool2d (padding counts as zeros, PyTorch's count_include_pad=True; no ceil_mode). */
export const avgPool2d: Operator<{ x: Value }, PoolAttributes> = { name: "avg_pool2d", shape: pooled };

/** Mean over height and width: [B, C, H, W] -> [B, C]. */
export const globalAvgPool: Operator<{ x: Value }, Record<never, never>> = {
  name: "global_avg_pool",
  shape({ x }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    return [x.shape[0], x.shape[1]];
  },
};
