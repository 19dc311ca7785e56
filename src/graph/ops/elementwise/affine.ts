import { add, mul } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** factor x + shift, both of them constants. */
export const affineFormula: ElementwiseFormula<{ readonly factor: number; readonly shift: number }> = {
  name: "affine",
  operands: ["x"],
  forward: ({ x }, { factor, shift }) => add(mul(x, factor), shift),
  gradients: { x: ({ gradient }, { factor }) => mul(gradient, factor) },
};
