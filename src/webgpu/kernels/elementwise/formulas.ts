/** The kernels of operators that are defined by a formula, and their gradients. */

import type { Attributes, Node, Shape, Value } from "../../../graph/graph.ts";
import { size } from "../../../graph/graph.ts";
import { type Expression, operandsOf } from "../../../graph/ops/elementwise/expression.ts";
import { forwardExpression, gradientExpression } from "../../../graph/ops/elementwise/formula.ts";
import { type ElementwiseName, FORMULAS } from "../../../graph/ops/elementwise/mod.ts";
import type { Names } from "../../plan/formula.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { elementOperand, placeFunction, planElements, repeatedStrides } from "../wgsl/elements.ts";
import { expressionText } from "../wgsl/expression.ts";
import { planFormula } from "../wgsl/formula.ts";

type Values = Readonly<Record<string, Value>>;

/** A kernel for each formula. */
export const FORMULA_KERNELS = Object.fromEntries(
  Object.entries(FORMULAS).map(([name, formula]) => {
    const kernel: Kernel = (node, context) =>
      planExpression(node, forwardExpression(formula, node.attributes as Attributes), !!formula.partial, context);
    return [name, kernel];
  }),
) as Readonly<Record<ElementwiseName, Kernel>>;

/** The gradient to an operand of a formula. */
export const elementwiseGrad: Kernel = (node, context) => {
  const attributes = node.attributes as { of: ElementwiseName; to: string };
  const formula = FORMULAS[attributes.of];
  planExpression(node, gradientExpression(formula, attributes.to, attributes), !!formula.partial, context);
};

/** The role of an operand in a formula: see Formula in ../../plan/formula.ts. */
type Kind = "texels" | "planes" | "channels" | "numbers";

/** Returns the role of an operand for a result of that shape. Returns undefined if it has none. */
function kindOf(operand: Shape, result: Shape): Kind | undefined {
  if (operand.join() === result.join()) return "texels";
  if (size(operand) === 1) return "numbers";
  const [batch, channels] = result;
  if (operand.length === 1) return "channels";
  if (operand.slice(2).some((extent) => extent !== 1) || operand[1] !== channels) return undefined;
  return operand[0] === batch ? "planes" : "channels";
}

/**
 * Plans the expression as a formula, which other formulas may take, if lanes past the last channel then stay finite.
 * Otherwise plans it element by element.
 */
function planExpression(node: Node, expression: Expression, partial: boolean, context: PlanContext): void {
  const read = operandsOf(expression);
  const operands = Object.fromEntries(
    Object.entries(node.operands as Values).filter(([name, value]) => value && read.has(name)),
  );
  const { shape } = node.output;
  const kinds = new Map(Object.entries(operands).map(([name, value]) => [name, kindOf(value.shape, shape)]));
  const hasPadding = blocked(shape).channels % 4 !== 0;
  if ((partial && hasPadding) || [...kinds.values()].includes(undefined)) {
    return planByElements(node, expression, operands, context);
  }
  const ofKind = (kind: Kind) =>
    Object.fromEntries(Object.entries(operands).filter(([name]) => kinds.get(name) === kind));
  const typed = (names: Names) =>
    Object.fromEntries(
      Object.keys(operands).map((
        name,
      ) => [name, kinds.get(name) === "numbers" ? `vec4f(${names[name]})` : names[name]]),
    );
  planFormula(node, {
    texels: ofKind("texels"),
    planes: ofKind("planes"),
    channels: ofKind("channels"),
    numbers: ofKind("numbers"),
    result: (names) => expressionText(expression, typed(names), "vec4f"),
  }, context);
}

function planByElements(node: Node, expression: Expression, operands: Values, context: PlanContext): void {
  const { shape } = node.output;
  const places = Object.entries(operands).map(([name, value]) => ({
    name,
    whole: size(value.shape) === size(shape),
    ...placeFunction(`${name}_place`, shape, repeatedStrides(sameRank(value.shape, shape.length))),
  }));
  const repeated = places.filter(({ whole }) => !whole);
  const names = Object.fromEntries(
    places.map(({ name, whole }) => [name, whole ? `${name}_at(i)` : `${name}_at(${name}_place(i))`]),
  );
  planElements(node, {
    label: node.op.name,
    operands: Object.fromEntries(
      Object.entries(operands).map(([name, value]) => [name, elementOperand(value, context)]),
    ),
    uniforms: Object.assign({}, ...repeated.map(({ uniforms }) => uniforms)),
    declarations: repeated.map(({ declaration }) => declaration).join("\n"),
    value: expressionText(expression, names, "f32"),
  }, context);
}

/**
 * Returns [C] and [B, C] as [1, C, 1, 1] and [B, C, 1, 1]. Operands that are equal for all pixels may have fewer axes.
 */
function sameRank(shape: Shape, rank: number): Shape {
  if (shape.length === rank) return shape;
  const byChannel = shape.length === 1 ? [1, ...shape] : shape;
  return [...byChannel, ...Array<number>(rank - byChannel.length).fill(1)];
}
