/** Sums, and operators that repeat a number. */

import type { Backward, Operands, Operator, Shape, Value } from "../graph.ts";
import { ShapeError } from "../../errors.ts";
import { expectShape } from "./shared.ts";

/** scale * the sum over every axis but the second: [B, C] or [B, C, H, W] -> [C]. With scale 1/(B H W), the mean. */
export const channelSum: Operator<{ x: Value }, { readonly scale: number }> = {
  name: "channel_sum",
  shape: ({ x }) => [x.shape[1]],
};

/** The sum over the pixels: [B, C, H, W] -> [B, C]. */
export const pixelSum: Operator<{ x: Value }, Record<never, never>> = {
  name: "pixel_sum",
  shape({ x }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    return x.shape.slice(0, 2);
  },
};

/** Appends the gradient to a convolution's bias, [Cout] or [B, Cout], from the gradient to the convolution's sum. */
export function biasSum(gradient: Value, bias: Value, apply: Backward<Operands, Record<never, never>>["apply"]): Value {
  return bias.shape.length === 2
    ? apply(pixelSum, { x: gradient }, {})
    : apply(channelSum, { x: gradient }, { scale: 1 });
}

/** The mean of (x - mean)^2 over every axis but the second (the biased variance): [B, C] or [B, C, H, W] -> [C]. */
export const channelVariance: Operator<
  {
    /** [B, C] or [B, C, H, W] */
    x: Value;
    /** [C] */
    mean: Value;
  },
  Record<never, never>
> = {
  name: "channel_variance",
  shape({ x, mean }) {
    expectShape("mean", mean.shape, [x.shape[1]]);
    return mean.shape;
  },
};

/** scale * the sum of all elements: any shape -> [1]. */
export const sum: Operator<{ x: Value }, { readonly scale: number }> = {
  name: "sum",
  shape: () => [1],
  gradient: ({ operands: { x }, attributes: { scale }, gradient, apply }) => ({
    x: apply(fill, { value: gradient }, { shape: x.shape, scale }),
  }),
};

/** Most operands of {@link total}: kernels read few tensors at once. */
export const MOST_TOTALLED = 7;

/** The sum of all elements of all operands, of any names and shapes -> [1]. */
export const total: Operator<Operands, Record<never, never>> = {
  name: "total",
  shape(operands) {
    const count = Object.keys(operands).length;
    if (count > MOST_TOTALLED) throw new ShapeError(`${count} operands, at most ${MOST_TOTALLED} are summed at once`);
    return [1];
  },
};

/** Every element scale * value: [1] -> any shape. */
export const fill: Operator<{ value: Value }, { readonly shape: Shape; readonly scale: number }> = {
  name: "fill",
  shape({ value }, { shape }) {
    expectShape("value", value.shape, [1]);
    return shape;
  },
  gradient: ({ attributes: { scale }, gradient, apply }) => ({ value: apply(sum, { x: gradient }, { scale }) }),
};

/**
 * The sum of a * b over the axes that the output lacks: a and b [B, C, H, W] -> [B, C] or [C]; [B, C] -> [C]. It is the
 * gradient to a scale that was spread over those axes.
 */
export const sumProducts: Operator<{ a: Value; b: Value }, { readonly shape: Shape }> = {
  name: "sum_products",
  shape({ a, b }, { shape }) {
    expectShape("b", b.shape, a.shape);
    const [batch, channels] = a.shape;
    if (![`${batch},${channels}`, `${channels}`].includes(shape.join())) {
      throw new ShapeError(`the sum is [${shape.join(", ")}], expected [${batch}, ${channels}] or [${channels}]`);
    }
    return shape;
  },
};

/** factor * x: any shape and [1]. */
export const scale: Operator<{ x: Value; factor: Value }, Record<never, never>> = {
  name: "scale",
  shape({ x, factor }) {
    expectShape("factor", factor.shape, [1]);
    return x.shape;
  },
  gradient: ({ operands: { factor }, gradient, apply }) => ({ x: apply(scale, { x: gradient, factor }, {}) }),
};
