import { add, div, ifLess } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** torch.nn.functional.hardsigmoid: (x + 3) / 6, kept within 0 and 1. */
export const hardsigmoidFormula: ElementwiseFormula<Record<never, never>> = {
  name: "hardsigmoid",
  operands: ["x"],
  forward: ({ x }) => ifLess(x, -3, 0, ifLess(3, x, 1, div(add(x, 3), 6))),
  gradients: { x: ({ gradient, x }) => ifLess(-3, x, ifLess(x, 3, div(gradient, 6), 0), 0) },
};
