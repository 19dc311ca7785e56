import { div, mul, sqrt } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** torch.sqrt: the square root of x, no number if x is below zero. */
export const sqrtFormula: ElementwiseFormula<Record<never, never>> = {
  name: "sqrt",
  operands: ["x"],
  forward: ({ x }) => sqrt(x),
  gradients: { x: ({ gradient, y }) => div(gradient, mul(2, y)) },
  partial: true,
};
