/** The table of elementwise operators. To add one, write its file and put it here. */

import type { Operator, Value } from "../../graph.ts";
import { addFormula } from "./add.ts";
import { affineFormula } from "./affine.ts";
import { divFormula } from "./div.ts";
import { expFormula } from "./exp.ts";
import { elementwise, type ElementwiseFormula } from "./formula.ts";
import { geluFormula } from "./gelu.ts";
import { hardsigmoidFormula } from "./hardsigmoid.ts";
import { hardswishFormula } from "./hardswish.ts";
import { leakyReluFormula } from "./leaky_relu.ts";
import { mulFormula } from "./mul.ts";
import { relu6Formula } from "./relu6.ts";
import { reluFormula } from "./relu.ts";
import { siluFormula } from "./silu.ts";
import { sqrtFormula } from "./sqrt.ts";
import { subFormula } from "./sub.ts";
import { tanhFormula } from "./tanh.ts";

const UNARY = {
  relu: reluFormula,
  relu6: relu6Formula,
  affine: affineFormula,
  exp: expFormula,
  sqrt: sqrtFormula,
  tanh: tanhFormula,
  silu: siluFormula,
  gelu: geluFormula,
  hardsigmoid: hardsigmoidFormula,
  hardswish: hardswishFormula,
  leaky_relu: leakyReluFormula,
} as const;

const BINARY = { add: addFormula, sub: subFormula, div: divFormula } as const;

type Formulas<T> = { readonly [K in keyof T]: ElementwiseFormula };
type AttributesOfFormula<F> = F extends ElementwiseFormula<infer A> ? A : never;

/** The formulas of elementwise operators by name. */
export const FORMULAS: Formulas<typeof UNARY> & Formulas<typeof BINARY> & { readonly mul: ElementwiseFormula } = {
  ...UNARY,
  ...BINARY,
  mul: mulFormula,
};

/** "relu", "add", ... */
export type ElementwiseName = keyof typeof FORMULAS;

function operators(formulas: Readonly<Record<string, ElementwiseFormula>>): Record<string, Operator> {
  return Object.fromEntries(Object.entries(formulas).map(([name, formula]) => [name, elementwise(formula)]));
}

/** Operators of one operand. */
export const UNARY_OPERATORS = operators(UNARY) as {
  readonly [K in keyof typeof UNARY]: Operator<{ x: Value }, AttributesOfFormula<(typeof UNARY)[K]>>;
};

/** Operators of two operands, which are repeated along axes of one element as PyTorch does. */
export const BINARY_OPERATORS = operators(BINARY) as {
  readonly [K in keyof typeof BINARY]: Operator<{ a: Value; b: Value }, Record<never, never>>;
};
