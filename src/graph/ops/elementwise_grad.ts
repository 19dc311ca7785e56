/** The backward of the elementwise operators, each from the result of the forward. */

import type { Attributes, Backward, Operands, Operator, Value } from "../graph.ts";
import { elementwiseGrad } from "./elementwise/formula.ts";
import { type Activation, expectOptional, expectShape } from "./shared.ts";

/** gradient * y (1 - y) / temperature; y is the sigmoid's result, temperature [1] or left out. */
export const sigmoidGrad: Operator<{ y: Value; gradient: Value; temperature?: Value }, Record<never, never>> = {
  name: "sigmoid_grad",
  shape: sameShape,
};

/**
 * y * (gradient - sum over the row of gradient * y) / temperature; y [B, n] is the softmax's result, temperature [1] or
 * left out.
 */
export const softmaxGrad: Operator<{ y: Value; gradient: Value; temperature?: Value }, Record<never, never>> = {
  name: "softmax_grad",
  shape: sameShape,
};

function sameShape({ y, gradient, temperature }: { y: Value; gradient: Value; temperature?: Value }) {
  expectShape("gradient", gradient.shape, y.shape);
  expectOptional("temperature", temperature, [1]);
  return y.shape;
}

/** The gradient to the operand of an epilogue's activation. */
export function beforeActivation<I extends Operands, A extends Attributes>(
  { output, gradient, apply }: Backward<I, A>,
  activation: Activation,
): Value {
  return activation === "none"
    ? gradient
    : apply(elementwiseGrad, { y: output, gradient }, { of: activation, to: "x" });
}
