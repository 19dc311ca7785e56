import type { Operator, Shape, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { ShapeError } from "../../errors.ts";
import { expectShape } from "./shared.ts";

/** torch.flatten(x, 1): [B, ...] -> [B, product of the rest]. */
export const flatten: Operator<{ x: Value }, Record<never, never>> = {
  name: "flatten",
  shape: ({ x }) => [x.shape[0], size(x.shape.slice(1))],
  gradient: ({ operands: { x }, gradient, apply }) => ({ x: apply(unflatten, { x: gradient }, { shape: x.shape }) }),
};

/** The inverse of flatten: [B, N] -> [B, ...], of as many elements, in row-major order. */
export const unflatten: Operator<{ x: Value }, { readonly shape: Shape }> = {
  name: "unflatten",
  shape({ x }, { shape }) {
    expectShape("x", x.shape, [shape[0], size(shape.slice(1))]);
    return shape;
  },
  gradient: ({ gradient, apply }) => ({ x: apply(flatten, { x: gradient }, {}) }),
};

/** Zero channels before and after: [B, C, H, W] -> [B, before + C + after, H, W] (the shortcut of He et al., option A). */
export const padChannels: Operator<{ x: Value }, { readonly before: number; readonly after: number }> = {
  name: "pad_channels",
  shape({ x }, { before, after }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    const [batch, channels, h, w] = x.shape;
    return [batch, before + channels + after, h, w];
  },
  gradient: ({ operands: { x }, attributes: { before }, gradient, apply }) => ({
    x: apply(sliceChannels, { x: gradient }, { start: before, count: x.shape[1] }),
  }),
};

/** x[:, start : start + count]: [B, C, H, W] -> [B, count, H, W]. */
export const sliceChannels: Operator<{ x: Value }, { readonly start: number; readonly count: number }> = {
  name: "slice_channels",
  shape({ x }, { start, count }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    const [batch, channels, h, w] = x.shape;
    if (start < 0 || count < 1 || start + count > channels) {
      throw new ShapeError(`channels ${start} to ${start + count} are not within the ${channels} of x`);
    }
    return [batch, count, h, w];
  },
  gradient: ({ operands: { x }, attributes: { start, count }, gradient, apply }) => ({
    x: apply(padChannels, { x: gradient }, { before: start, after: x.shape[1] - start - count }),
  }),
};
