/** The operators that are defined by formulas, and their gradients. */

import type { Attributes, Node, Shape, Value } from "../../../graph/graph.ts";
import { type Expression, operandsOf } from "../../../graph/ops/elementwise/expression.ts";
import { type elementwiseGrad, forwardExpression, gradientExpression } from "../../../graph/ops/elementwise/formula.ts";
import { type ElementwiseName, FORMULAS } from "../../../graph/ops/elementwise/mod.ts";
import { tf } from "../../tfjs.ts";
import { deviceShape } from "../tensors/device_shape.ts";
import type { Kernel, TensorOperands } from "../tensors/kernel.ts";
import { evaluate } from "./program.ts";
import { copyStrided, repeatedStrides } from "../tensors/strides.ts";
import { compute } from "../tensors/typed_array.ts";

/** Expressions that tfjs computes directly from two tensors. It broadcasts as the graph does. */
const NATIVE: Readonly<Partial<Record<Expression["kind"], (a: tf.Tensor, b: tf.Tensor) => tf.Tensor>>> = {
  add: (a, b) => tf.add(a, b),
  sub: (a, b) => tf.sub(a, b),
  mul: (a, b) => tf.mul(a, b),
  div: (a, b) => tf.div(a, b),
};

/** One kernel per formula. */
export const FORMULA_KERNELS = Object.fromEntries(
  Object.entries(FORMULAS).map(([name, formula]) => {
    const run: Kernel["run"] = (tensors, { operands, output, attributes }) =>
      runExpression(forwardExpression(formula, attributes as Attributes), tensors, operands, output.shape);
    return [name, { run }];
  }),
) as Readonly<Record<ElementwiseName, Kernel>>;

/** The gradient with respect to an operand of a formula. */
export const elementwiseGradKernel: Kernel<Node<typeof elementwiseGrad>> = {
  run(tensors, { operands, output, attributes }) {
    const formula = FORMULAS[attributes.of as ElementwiseName];
    return runExpression(gradientExpression(formula, attributes.to, attributes), tensors, operands, output.shape);
  },
};

function runExpression(
  expression: Expression,
  tensors: TensorOperands,
  values: Readonly<Record<string, Value | undefined>>,
  shape: Shape,
): tf.Tensor {
  const names = [...operandsOf(expression)];
  const shapes = names.map((name) => sameRank(values[name]!.shape, shape.length));
  const operands = names.map((name, i) => {
    const tensor = tensors[name]!;
    return shapes[i] === values[name]!.shape ? tensor : tf.reshape(tensor, deviceShape(shapes[i]));
  });
  const native = NATIVE[expression.kind];
  if (native && "a" in expression && expression.a.kind === "operand" && expression.b.kind === "operand") {
    const [{ name: a }, { name: b }] = [expression.a, expression.b];
    return native(operands[names.indexOf(a)], operands[names.indexOf(b)]);
  }
  return compute(shape, operands, (out, ...numbers) => {
    const whole = numbers.map((own, i) => {
      if (own.length === out.length) return own;
      const repeated = new Float32Array(out.length);
      copyStrided(shape, repeatedStrides(shapes[i]), own, repeated);
      return repeated;
    });
    evaluate(expression, Object.fromEntries(names.map((name, i) => [name, whole[i]])), out);
  });
}

/**
 * Reshapes [C] and [B, C] to [1, C, 1, 1] and [B, C, 1, 1]. A value that is the same for all pixels may have fewer
 * axes.
 */
function sameRank(shape: Shape, rank: number): Shape {
  if (shape.length === rank) return shape;
  const byChannel = shape.length === 1 ? [1, ...shape] : shape;
  return [...byChannel, ...Array<number>(rank - byChannel.length).fill(1)];
}
