import { ifLess, mul } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** torch.nn.functional.leaky_relu: x above zero, else negativeSlope x. */
export const leakyReluFormula: ElementwiseFormula<{ readonly negativeSlope: number }> = {
  name: "leaky_relu",
  operands: ["x"],
  forward: ({ x }, { negativeSlope }) => ifLess(0, x, x, mul(x, negativeSlope)),
  gradients: { x: ({ gradient, x }, { negativeSlope }) => ifLess(0, x, gradient, mul(gradient, negativeSlope)) },
};
