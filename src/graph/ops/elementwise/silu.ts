import { add, div, exp, type Expression, mul, neg, sub } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

const sigmoid = (x: Expression): Expression => div(1, add(1, exp(neg(x))));

/** torch.nn.functional.silu: x sigmoid(x). */
export const siluFormula: ElementwiseFormula<Record<never, never>> = {
  name: "silu",
  operands: ["x"],
  forward: ({ x }) => div(x, add(1, exp(neg(x)))),
  gradients: { x: ({ gradient, x }) => mul(gradient, mul(sigmoid(x), add(1, mul(x, sub(1, sigmoid(x)))))) },
};
