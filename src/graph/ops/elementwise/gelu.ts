import { abs, add, div, exp, type Expression, ifLess, mul, neg, sub, tanh } from "./expression.ts";
import type { ElementwiseFormula } from "./formula.ts";

/**
 * erfc(t) e^(t^2) from t = 0 up, as a polynomial of u = 1 / (1 + t / 2): the least squares over u of the relative error,
 * which is below 2e-9. Constant term first.
 */
const ERFCX = [
  1.968442979e-05,
  0.2815920385,
  0.287776462,
  0.2094113405,
  0.3353153852,
  -0.3706400584,
  0.8737949984,
  -1.16817362,
  0.7772537915,
  -0.2632331189,
  0.03688309567,
];

/** The share of a normal distribution below x. */
function normalShare(x: Expression): Expression {
  const t = mul(abs(x), Math.SQRT1_2);
  const u = div(1, add(1, mul(t, 0.5)));
  const polynomial = ERFCX.reduceRight<Expression>(
    (sum, coefficient) => add(mul(sum, u), coefficient),
    { kind: "constant", value: 0 },
  );
  const tail = mul(0.5, mul(exp(neg(mul(t, t))), polynomial));
  return ifLess(x, 0, tail, sub(1, tail));
}

const SLOPE = Math.sqrt(2 / Math.PI);

/** The argument of the approximation's hyperbolic tangent. */
function inner(x: Expression): Expression {
  return mul(SLOPE, mul(x, add(1, mul(0.044715, mul(x, x)))));
}

/** torch.nn.functional.gelu: x times the share of a normal distribution below x, exactly or by a hyperbolic tangent. */
export const geluFormula: ElementwiseFormula<{ readonly approximate: "none" | "tanh" }> = {
  name: "gelu",
  operands: ["x"],
  forward: ({ x }, { approximate }) =>
    approximate === "none" ? mul(x, normalShare(x)) : mul(mul(0.5, x), add(1, tanh(inner(x)))),
  gradients: {
    x({ gradient, x }, { approximate }) {
      if (approximate === "none") {
        const density = mul(1 / Math.sqrt(2 * Math.PI), exp(mul(-0.5, mul(x, x))));
        return mul(gradient, add(normalShare(x), mul(x, density)));
      }
      const t = tanh(inner(x));
      const slope = mul(SLOPE, add(1, mul(3 * 0.044715, mul(x, x))));
      return mul(gradient, mul(0.5, add(add(1, t), mul(x, mul(sub(1, mul(t, t)), slope)))));
    },
  },
};
