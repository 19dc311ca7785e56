import { add, div, ifLess, ifLessEqual, mul } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** torch.nn.functional.hardswish: x times hardsigmoid of x. */
export const hardswishFormula: ElementwiseFormula<Record<never, never>> = {
  name: "hardswish",
  operands: ["x"],
  forward: ({ x }) => ifLess(x, -3, 0, ifLess(3, x, x, div(mul(x, add(x, 3)), 6))),
  gradients: {
    x: ({ gradient, x }) => ifLessEqual(x, -3, 0, ifLess(x, 3, mul(gradient, add(div(x, 3), 0.5)), gradient)),
  },
};
