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

/** torch.reshape: the same elements in row-major order. */
export const reshape: Operator<{ x: Value }, { readonly shape: Shape }> = {
  name: "reshape",
  shape({ x }, { shape }) {
    expectAxes(shape);
    if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 1) || size(shape) !== size(x.shape)) {
      throw new ShapeError(
        `[${shape.join(", ")}] has ${size(shape)} elements, x [${x.shape.join(", ")}] has ${size(x.shape)}`,
      );
    }
    return shape;
  },
  gradient: ({ operands: { x }, gradient, apply }) => ({ x: apply(reshape, { x: gradient }, { shape: x.shape }) }),
};

/** torch.permute: axis i of the result is axis dims[i] of x. */
export const permute: Operator<{ x: Value }, { readonly dims: readonly number[] }> = {
  name: "permute",
  shape({ x: { shape } }, { dims }) {
    expectAxes(shape);
    if (shape.map((_, axis) => axis).join() !== dims.toSorted((a, b) => a - b).join()) {
      throw new ShapeError(`dims are [${dims.join(", ")}], expected each axis of [${shape.join(", ")}] once`);
    }
    return dims.map((axis) => shape[axis]);
  },
  gradient: ({ attributes: { dims }, gradient, apply }) => ({
    x: apply(permute, { x: gradient }, { dims: dims.map((_, axis) => dims.indexOf(axis)) }),
  }),
};

/** torch.narrow: `length` elements of an axis from `start` on. */
export const narrow: Operator<
  { x: Value },
  { readonly dim: number; readonly start: number; readonly length: number }
> = {
  name: "narrow",
  shape({ x: { shape } }, { dim, start, length }) {
    expectAxis(shape, dim);
    if (start < 0 || length < 1 || start + length > shape[dim]) {
      throw new ShapeError(`${start} to ${start + length} are not within axis ${dim} of [${shape.join(", ")}]`);
    }
    return shape.with(dim, length);
  },
  gradient: ({ operands: { x }, attributes: { dim, start, length }, gradient, apply }) => ({
    x: apply(padAxis, { x: gradient }, { dim, before: start, after: x.shape[dim] - start - length }),
  }),
};

/** Zeros before and after the elements of an axis. */
export const padAxis: Operator<
  { x: Value },
  { readonly dim: number; readonly before: number; readonly after: number }
> = {
  name: "pad_axis",
  shape({ x: { shape } }, { dim, before, after }) {
    expectAxis(shape, dim);
    return shape.with(dim, before + shape[dim] + after);
  },
  gradient: ({ operands: { x }, attributes: { dim, before }, gradient, apply }) => ({
    x: apply(narrow, { x: gradient }, { dim, start: before, length: x.shape[dim] }),
  }),
};

/** Most operands of {@link concat}: executors read few tensors at once. */
export const MOST_JOINED = 6;

/** torch.cat of operands x0, x1, ...: one after the other along an axis. */
export const concat: Operator<Readonly<Record<string, Value>>, { readonly dim: number }> = {
  name: "concat",
  shape(operands, { dim }) {
    const values = Object.entries(operands);
    if (values.length < 1 || values.length > MOST_JOINED) {
      throw new ShapeError(`${values.length} operands, from 1 to ${MOST_JOINED} are joined at once`);
    }
    const [[, { shape }]] = values;
    expectAxis(shape, dim);
    for (const [name, value] of values) expectShape(name, value.shape, shape.with(dim, -1));
    return shape.with(dim, values.reduce((sum, [, value]) => sum + value.shape[dim], 0));
  },
  gradient({ operands, attributes: { dim }, gradient, needs, apply }) {
    let start = 0;
    return Object.fromEntries(
      Object.entries(operands).map(([name, { shape }]) => {
        const length = shape[dim];
        start += length;
        return [name, needs(name) ? apply(narrow, { x: gradient }, { dim, start: start - length, length }) : null];
      }),
    );
  },
};

/** Executors lay out tensors of up to five axes. */
function expectAxes(shape: Shape): void {
  if (shape.length < 1 || shape.length > 5) {
    throw new ShapeError(`[${shape.join(", ")}] has ${shape.length} axes, expected 1 to 5`);
  }
}

function expectAxis(shape: Shape, dim: number): void {
  expectAxes(shape);
  if (!Number.isInteger(dim) || dim < 0 || dim >= shape.length) {
    throw new ShapeError(`axis ${dim} is none of [${shape.join(", ")}], whose first is 0`);
  }
}
