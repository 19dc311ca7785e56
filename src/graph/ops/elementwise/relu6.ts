import { ifLess, ifLessEqual } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** min(max(x, 0), 6). NaN stays NaN. */
export const relu6Formula: ElementwiseFormula<Record<never, never>> = {
  name: "relu6",
  operands: ["x"],
  forward: ({ x }) => ifLess(x, 0, 0, ifLess(6, x, 6, x)),
  gradients: { x: ({ gradient, y }) => ifLessEqual(y, 0, 0, ifLessEqual(6, y, 0, gradient)) },
};
