import { add } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** a + b. */
export const addFormula: ElementwiseFormula<Record<never, never>> = {
  name: "add",
  operands: ["a", "b"],
  forward: ({ a, b }) => add(a, b),
  gradients: { a: ({ gradient }) => gradient, b: ({ gradient }) => gradient },
};
