import type { Operator, Value } from "../graph.ts";
import { ShapeError } from "../../errors.ts";
import { activationGrad, sigmoidGrad, softmaxGrad } from "./elementwise_grad.ts";
import { sumProducts } from "./reductions.ts";
import { expectOptional, expectShape } from "./shared.ts";

/** max(x, 0). */
export const relu: Operator<{ x: Value }, Record<never, never>> = {
  name: "relu",
  shape: ({ x }) => x.shape,
  gradient: ({ output: y, gradient, apply }) => ({ x: apply(activationGrad, { y, gradient }, { activation: "relu" }) }),
};

/** min(max(x, 0), 6). */
export const relu6: Operator<{ x: Value }, Record<never, never>> = {
  name: "relu6",
  shape: ({ x }) => x.shape,
  gradient: ({ output: y, gradient, apply }) => ({
    x: apply(activationGrad, { y, gradient }, { activation: "relu6" }),
  }),
};

/** 1 / (1 + exp(-x / temperature)); temperature [1], 1 where left out. */
export const sigmoid: Operator<{ x: Value; temperature?: Value }, Record<never, never>> = {
  name: "sigmoid",
  shape({ x, temperature }) {
    expectOptional("temperature", temperature, [1]);
    return x.shape;
  },
  gradient: ({ operands: { temperature }, output: y, gradient, apply }) => ({
    x: apply(sigmoidGrad, { y, gradient, temperature }, {}),
  }),
};

/** Softmax of x / temperature over the last axis; x [B, n], temperature [1], 1 where left out. */
export const softmax: Operator<{ x: Value; temperature?: Value }, Record<never, never>> = {
  name: "softmax",
  shape({ x, temperature }) {
    expectShape("x", x.shape, [-1, -1]);
    expectOptional("temperature", temperature, [1]);
    return x.shape;
  },
  gradient: ({ operands: { temperature }, output: y, gradient, apply }) => ({
    x: apply(softmaxGrad, { y, gradient, temperature }, {}),
  }),
};

/** a + b, of one shape. */
export const add: Operator<{ a: Value; b: Value }, Record<never, never>> = {
  name: "add",
  shape({ a, b }) {
    expectShape("b", b.shape, a.shape);
    return a.shape;
  },
  gradient: ({ gradient }) => ({ a: gradient, b: gradient }),
};

/** x times a scale: of x's shape, or [B, C] or [C] over an x of [B, C, H, W]. */
export const mul: Operator<{ x: Value; scale: Value }, Record<never, never>> = {
  name: "mul",
  shape({ x, scale }) {
    const [batch, channels] = x.shape;
    const fits = [x.shape, [batch, channels], [channels]].some((s) => s.join() === scale.shape.join());
    if (!fits) {
      throw new ShapeError(
        `scale is [${scale.shape.join(", ")}], expected [${x.shape.join(", ")}], [B, C] or [C] of it`,
      );
    }
    return x.shape;
  },
  gradient({ operands: { x, scale }, gradient, needs, apply }) {
    const same = scale.shape.length === x.shape.length;
    return {
      x: needs("x") ? apply(mul, { x: gradient, scale }, {}) : null,
      scale: !needs("scale")
        ? null
        : same
        ? apply(mul, { x: gradient, scale: x }, {})
        : apply(sumProducts, { a: x, b: gradient }, { shape: scale.shape }),
    };
  },
};

/** torch.nn.functional.dropout outside training: the identity, which a pass removes. Training uses dropout_mask. */
export const dropout: Operator<{ x: Value }, { readonly p: number }> = { name: "dropout", shape: ({ x }) => x.shape };
