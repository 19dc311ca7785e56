import { mul, sub, tanh } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/** torch.tanh. */
export const tanhFormula: ElementwiseFormula<Record<never, never>> = {
  name: "tanh",
  operands: ["x"],
  forward: ({ x }) => tanh(x),
  gradients: { x: ({ gradient, y }) => mul(gradient, sub(1, mul(y, y))) },
};
