import { ShapeError } from "../../../errors.ts";
import type { Operator, Value } from "../../graph.ts";
import { broadcastShape, sumToSize } from "../broadcast.ts";
import { sumProducts } from "../reductions.ts";
import { mul as product } from "./expression.ts";
import { elementwise, type ElementwiseFormula } from "./formula.ts";

/** x times scale. */
export const mulFormula: ElementwiseFormula<Record<never, never>> = {
  name: "mul",
  operands: ["x", "scale"],
  forward: ({ x, scale }) => product(x, scale),
  gradients: {
    x: ({ gradient, scale }) => product(gradient, scale),
    scale: ({ gradient, x }) => product(gradient, x),
  },
};

/** x times a scale, which is repeated as PyTorch does; or of [B, C] or [C] over an x of [B, C, H, W], or [C] over [B, C]. */
export const mul: Operator<{ x: Value; scale: Value }, Record<never, never>> = {
  ...elementwise(mulFormula),
  shape({ x, scale }) {
    if (scale.shape.length === x.shape.length) return broadcastShape("x", x.shape, "scale", scale.shape);
    const [batch, channels] = x.shape;
    if (![[batch, channels], [channels]].some((shape) => shape.join() === scale.shape.join())) {
      throw new ShapeError(
        `scale is [${scale.shape.join(", ")}], expected [${x.shape.join(", ")}], [B, C] or [C] of it`,
      );
    }
    return x.shape;
  },
  gradient({ operands: { x, scale }, gradient, needs, apply }) {
    const summed = (value: Value, { shape }: Value) =>
      value.shape.join() === shape.join() ? value : apply(sumToSize, { x: value }, { shape, scale: 1 });
    const toScale = () =>
      scale.shape.length === x.shape.length
        ? summed(apply(mul, { x: gradient, scale: x }, {}), scale)
        : apply(sumProducts, { a: x, b: gradient }, { shape: scale.shape });
    return {
      x: needs("x") ? summed(apply(mul, { x: gradient, scale }, {}), x) : null,
      scale: needs("scale") ? toScale() : null,
    };
  },
};
