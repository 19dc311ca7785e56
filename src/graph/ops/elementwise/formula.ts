/** What elementwise operators share: a formula, and the formulas of its gradients, make an operator. */

import type { Attributes, Backward, Operands, Operator, Shape, Value } from "../../graph.ts";
import { broadcastShape, expectFits, sumToSize } from "../broadcast.ts";
import { type Expression, operand, operandsOf } from "./expression.ts";

/** Expressions by the names of their values. */
export type Expressions = Readonly<Record<string, Expression>>;

/** An elementwise operator. `A` are its attributes. */
// deno-lint-ignore no-explicit-any -- the table of formulas holds those of any attributes
export interface ElementwiseFormula<A extends Attributes = any> {
  /** The operator's name. */
  readonly name: string;
  /** The names of its operands. */
  readonly operands: readonly string[];
  /** The result from the operands. */
  readonly forward: (of: Expressions, attributes: A) => Expression;
  /**
   * The gradient to each operand, from the "gradient" to the result, from the operands and from the result "y". Values
   * that it does not read are not kept for it.
   */
  readonly gradients: Readonly<Record<string, (of: Expressions, attributes: A) => Expression>>;
  /** Whether finite operands may have a result that is not finite. */
  readonly partial?: boolean;
}

/** A formula's operands as expressions; also "gradient" and "y". */
function names({ operands }: ElementwiseFormula): Expressions {
  return Object.fromEntries([...operands, "gradient", "y"].map((name) => [name, operand(name)]));
}

/** The result of a formula. */
export function forwardExpression(formula: ElementwiseFormula, attributes: Attributes): Expression {
  return formula.forward(names(formula), attributes);
}

/** The gradient to the operand `to` of a formula. */
export function gradientExpression(formula: ElementwiseFormula, to: string, attributes: Attributes): Expression {
  return formula.gradients[to](names(formula), attributes);
}

/**
 * The gradient to the operand `to` of the operator `of`, before it is summed over the axes along which that operand was
 * repeated. The operator's attributes come along. Operands are the "gradient" to its result, its own, and its result "y";
 * those that the formula does not read are left out.
 */
export const elementwiseGrad: Operator<
  { gradient: Value } & Operands,
  { readonly of: string; readonly to: string } & Attributes
> = {
  name: "elementwise_grad",
  shape({ gradient, ...others }) {
    for (const [name, value] of Object.entries(others)) if (value) expectFits(name, value.shape, gradient.shape);
    return gradient.shape;
  },
};

/** The operator of a formula. */
export function elementwise<I extends Operands, A extends Attributes>(
  formula: ElementwiseFormula<A>,
): Operator<I, A> {
  return {
    name: formula.name,
    shape: (operands) => shapeOf(operands),
    gradient: (backward) =>
      Object.fromEntries(
        formula.operands.map((to) => [to, backward.needs(to) ? gradientTo(formula, to, backward) : null]),
      ) as { [K in keyof I]?: Value | null },
  };
}

function shapeOf(operands: Operands): Shape {
  const [[first, value], ...others] = Object.entries(operands) as [string, Value][];
  return others.reduce<Shape>((shape, [name, other]) => broadcastShape(first, shape, name, other.shape), value.shape);
}

function gradientTo<I extends Operands, A extends Attributes>(
  formula: ElementwiseFormula<A>,
  to: string,
  { operands, attributes, output, gradient, apply }: Backward<I, A>,
): Value {
  const read = operandsOf(gradientExpression(formula, to, attributes));
  const known = Object.entries({ ...operands, y: output }).filter(([name]) => read.has(name));
  const isGradient = formula.gradients[to](names(formula), attributes).kind === "operand";
  const whole = isGradient
    ? gradient
    : apply(elementwiseGrad, { gradient, ...Object.fromEntries(known) }, { ...attributes, of: formula.name, to });
  const { shape } = operands[to]!;
  return shape.join() === whole.shape.join() ? whole : apply(sumToSize, { x: whole }, { shape, scale: 1 });
}
