import { neg, sub } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** a - b. */
export const subFormula: ElementwiseFormula<Record<never, never>> = {
  name: "sub",
  operands: ["a", "b"],
  forward: ({ a, b }) => sub(a, b),
  gradients: { a: ({ gradient }) => gradient, b: ({ gradient }) => neg(gradient) },
};
