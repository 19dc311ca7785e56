import { div, mul, neg } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** a / b. */
export const divFormula: ElementwiseFormula<Record<never, never>> = {
  name: "div",
  operands: ["a", "b"],
  forward: ({ a, b }) => div(a, b),
  gradients: {
    a: ({ gradient, b }) => div(gradient, b),
    b: ({ gradient, b, y }) => neg(div(mul(gradient, y), b)),
  },
  partial: true,
};
