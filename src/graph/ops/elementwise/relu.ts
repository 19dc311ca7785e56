import { ifLess, ifLessEqual } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** max(x, 0). NaN stays NaN. */
export const reluFormula: ElementwiseFormula<Record<never, never>> = {
  name: "relu",
  operands: ["x"],
  forward: ({ x }) => ifLess(x, 0, 0, x),
  gradients: { x: ({ gradient, y }) => ifLessEqual(y, 0, 0, gradient) },
};
