/** The elementwise operators, and those that also see their row or a temperature. */

import type { Operator, Value } from "../graph.ts";
import { BINARY_OPERATORS, UNARY_OPERATORS } from "./elementwise/mod.ts";
import { sigmoidGrad, softmaxGrad } from "./elementwise_grad.ts";
import { expectOptional, expectShape } from "./shared.ts";

export { mul } from "./elementwise/mul.ts";

export const { relu, relu6, affine, exp, sqrt, tanh, silu, gelu, hardsigmoid, hardswish, leaky_relu: leakyRelu } =
  UNARY_OPERATORS;
export const { add, sub, div } = BINARY_OPERATORS;

/** 1 / (1 + exp(-x / temperature)); temperature [1], 1 if left out. */
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

/** Softmax of x / temperature over the last axis; x [B, n], temperature [1], 1 if left out. */
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

/** torch.nn.functional.dropout outside training: the identity, which a pass removes. Training uses dropout_mask. */
export const dropout: Operator<{ x: Value }, { readonly p: number }> = { name: "dropout", shape: ({ x }) => x.shape };
