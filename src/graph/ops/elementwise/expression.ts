/**
 * The arithmetic of elementwise operators, as trees: executors make their own code of them. Every number is float32; a
 * comparison with NaN is false.
 *
 * @module
 */

/** A number computed from operands of the same place. */
export type Expression =
  /** An operand by its name. */
  | { readonly kind: "operand"; readonly name: string }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: UnaryKind; readonly x: Expression }
  | { readonly kind: BinaryKind; readonly a: Expression; readonly b: Expression }
  /** `yes` if a < b (or a <= b), else `no`. */
  | {
    readonly kind: "less" | "less_equal";
    readonly a: Expression;
    readonly b: Expression;
    readonly yes: Expression;
    readonly no: Expression;
  };

/** Functions of one number. */
export type UnaryKind = "neg" | "abs" | "exp" | "sqrt" | "tanh";

/** Functions of two numbers. */
export type BinaryKind = "add" | "sub" | "mul" | "div";

/** An expression, or a number that stands for a constant. */
export type Term = Expression | number;

function of(term: Term): Expression {
  return typeof term === "number" ? { kind: "constant", value: term } : term;
}

function unary(kind: UnaryKind): (x: Term) => Expression {
  return (x) => ({ kind, x: of(x) });
}

function binary(kind: BinaryKind): (a: Term, b: Term) => Expression {
  return (a, b) => ({ kind, a: of(a), b: of(b) });
}

/** An operand by its name. */
export function operand(name: string): Expression {
  return { kind: "operand", name };
}

/** -x */
export const neg: (x: Term) => Expression = unary("neg");
/** |x| */
export const abs: (x: Term) => Expression = unary("abs");
/** e^x */
export const exp: (x: Term) => Expression = unary("exp");
/** The square root of x. */
export const sqrt: (x: Term) => Expression = unary("sqrt");
/** The hyperbolic tangent of x. */
export const tanh: (x: Term) => Expression = unary("tanh");
/** a + b */
export const add: (a: Term, b: Term) => Expression = binary("add");
/** a - b */
export const sub: (a: Term, b: Term) => Expression = binary("sub");
/** a b */
export const mul: (a: Term, b: Term) => Expression = binary("mul");
/** a / b */
export const div: (a: Term, b: Term) => Expression = binary("div");

/** `yes` if a < b, else `no`: also if either is NaN. */
export function ifLess(a: Term, b: Term, yes: Term, no: Term): Expression {
  return { kind: "less", a: of(a), b: of(b), yes: of(yes), no: of(no) };
}

/** `yes` if a <= b, else `no`: also if either is NaN. */
export function ifLessEqual(a: Term, b: Term, yes: Term, no: Term): Expression {
  return { kind: "less_equal", a: of(a), b: of(b), yes: of(yes), no: of(no) };
}

/** The expressions that an expression is made of, in the order of its fields. */
export function parts(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "operand":
    case "constant":
      return [];
    case "add":
    case "sub":
    case "mul":
    case "div":
      return [expression.a, expression.b];
    case "less":
    case "less_equal":
      return [expression.a, expression.b, expression.yes, expression.no];
    default:
      return [expression.x];
  }
}

/** The names of the operands that an expression reads. */
export function operandsOf(expression: Expression): ReadonlySet<string> {
  if (expression.kind === "operand") return new Set([expression.name]);
  return new Set(parts(expression).flatMap((part) => [...operandsOf(part)]));
}
