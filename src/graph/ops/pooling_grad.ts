/** The backward of the poolings: each output's gradient goes back to the pixels of its window. */

import type { Operator, Value } from "../graph.ts";
import { expectShape, type Pair, type PoolAttributes, windowExtent } from "./shared.ts";

function pooledSize([h, w]: Pair, { kernelSize, stride, padding }: PoolAttributes): Pair {
  const extent = (n: number, i: 0 | 1) => windowExtent(n, kernelSize[i], stride[i], padding[i], 1);
  return [extent(h, 0), extent(w, 1)];
}

/**
 * The gradient to max_pool2d's x: a window's gradient goes to its largest element. If several are equal, it goes to the
 * first in row-major order, as in PyTorch; -> the shape of x.
 */
export const maxPool2dGrad: Operator<
  {
    /** [B, C, H, W] */
    x: Value;
    /** [B, C, H', W'] */
    gradient: Value;
  },
  PoolAttributes
> = {
  name: "max_pool2d_grad",
  shape({ x, gradient }, attributes) {
    const [batch, channels, h, w] = x.shape;
    expectShape("gradient", gradient.shape, [batch, channels, ...pooledSize([h, w], attributes)]);
    return x.shape;
  },
};

/**
 * The gradient to avg_pool2d's x: 1/(kh kw) of a window's gradient goes to each of its elements; [B, C, H', W'] -> [B,
 * C, H, W].
 */
export const avgPool2dGrad: Operator<
  { gradient: Value },
  PoolAttributes & {
    /** [H, W] of the input. */
    readonly inputSize: Pair;
  }
> = {
  name: "avg_pool2d_grad",
  shape({ gradient }, attributes) {
    const [batch, channels] = gradient.shape;
    expectShape("gradient", gradient.shape, [batch, channels, ...pooledSize(attributes.inputSize, attributes)]);
    return [batch, channels, ...attributes.inputSize];
  },
};

/** The gradient to global_avg_pool's x: gradient / (H W) at every pixel; [B, C] -> [B, C, H, W]. */
export const globalAvgPoolGrad: Operator<
  { gradient: Value },
  {
    /** [H, W] of the input. */
    readonly inputSize: Pair;
  }
> = {
  name: "global_avg_pool_grad",
  shape({ gradient }, { inputSize }) {
    expectShape("gradient", gradient.shape, [-1, -1]);
    return [...gradient.shape, ...inputSize];
  },
};
