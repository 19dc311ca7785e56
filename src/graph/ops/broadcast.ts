/** Repeating a tensor along axes of one element, and the way back. */

import { ShapeError } from "../../errors.ts";
import type { Operator, Shape, Value } from "../graph.ts";

/**
 * The shape of an elementwise result as PyTorch has it: extents of 1 are repeated. Throws ShapeError if the ranks differ or
 * two other extents do.
 */
export function broadcastShape(nameOfA: string, a: Shape, nameOfB: string, b: Shape): Shape {
  if (a.length !== b.length || a.some((extent, i) => extent !== b[i] && extent !== 1 && b[i] !== 1)) {
    throw new ShapeError(
      `${nameOfA} is [${a.join(", ")}] and ${nameOfB} [${b.join(", ")}]: expected as many axes, and equal extents or 1`,
    );
  }
  return a.map((extent, i) => Math.max(extent, b[i]));
}

/** Throws unless a tensor can be repeated to `whole`. */
export function expectFits(what: string, shape: Shape, whole: Shape): void {
  if (shape.length !== whole.length || shape.some((extent, i) => extent !== whole[i] && extent !== 1)) {
    throw new ShapeError(`${what} is [${shape.join(", ")}], expected [${whole.join(", ")}], or 1 instead of an extent`);
  }
}

/** torch.Tensor.expand, scaled: axes of one element are repeated; `scale` is a factor of every number. */
export const expand: Operator<{ x: Value }, { readonly shape: Shape; readonly scale: number }> = {
  name: "expand",
  shape({ x }, { shape }) {
    expectFits("x", x.shape, shape);
    return shape;
  },
  gradient: ({ operands: { x }, attributes: { scale }, gradient, apply }) => ({
    x: apply(sumToSize, { x: gradient }, { shape: x.shape, scale }),
  }),
};

/**
 * torch.Tensor.sum_to_size, scaled: `scale` times the sum over the axes that have one element in `shape`. With 1 / (the
 * number of elements of a sum), the mean.
 */
export const sumToSize: Operator<{ x: Value }, { readonly shape: Shape; readonly scale: number }> = {
  name: "sum_to_size",
  shape({ x }, { shape }) {
    expectFits("the sum", shape, x.shape);
    return shape;
  },
  gradient: ({ operands: { x }, attributes: { scale }, gradient, apply }) => ({
    x: apply(expand, { x: gradient }, { shape: x.shape, scale }),
  }),
};

/** The maximum over the axes that have one element in `shape`. NaN wins, as in PyTorch. */
export const maxToSize: Operator<{ x: Value }, { readonly shape: Shape }> = {
  name: "max_to_size",
  shape({ x }, { shape }) {
    expectFits("the maximum", shape, x.shape);
    return shape;
  },
  gradient: ({ operands: { x }, gradient, apply }) => ({ x: apply(maxToSizeGrad, { x, gradient }, {}) }),
};

/**
 * The gradient to max_to_size's x: a maximum's goes to its first largest element in row-major order, as torch.max's does;
 * -> the shape of x.
 */
export const maxToSizeGrad: Operator<{ x: Value; gradient: Value }, Record<never, never>> = {
  name: "max_to_size_grad",
  shape({ x, gradient }) {
    expectFits("gradient", gradient.shape, x.shape);
    return x.shape;
  },
};
