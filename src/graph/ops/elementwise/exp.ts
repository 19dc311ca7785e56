import { exp, mul } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** torch.exp: e^x. */
export const expFormula: ElementwiseFormula<Record<never, never>> = {
  name: "exp",
  operands: ["x"],
  forward: ({ x }) => exp(x),
  gradients: { x: ({ gradient, y }) => mul(gradient, y) },
  partial: true,
};
