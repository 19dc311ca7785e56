/**
 * Operators that compute each number from the numbers at its place: one texel an invocation, an expression an operator.
 *
 * @module
 */

import type { Node, OperandsOf, Value } from "../../graph/graph.ts";
import type { OPERATORS } from "../../graph/ops/mod.ts";
import { dispatch, type Resource } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel, PlanContext } from "../planner.ts";

type Operands<K extends keyof typeof OPERATORS> = OperandsOf<(typeof OPERATORS)[K]>;

/** WGSL of an activation applied to `v`, a vec4f expression. */
export function activate(activation: "none" | "relu" | "relu6", v: string): string {
  if (activation === "relu") return `max(${v}, vec4f())`;
  if (activation === "relu6") return `clamp(${v}, vec4f(), vec4f(6.0))`;
  return v;
}

/**
 * A plan for `expression`, in which `i` is the texel, `c` its block of channels and `s` its sample; `floats` are read as
 * `u.name`.
 */
export function elementwise(
  node: Node,
  context: PlanContext,
  operands: Readonly<Record<string, Value | undefined>>,
  expression: string,
  floats: Readonly<Record<string, number>> = {},
): void {
  const { blocks, pixels, texels } = blocked(node.output.shape);
  const reads: Record<string, Resource | undefined> = {};
  for (const [name, value] of Object.entries(operands)) reads[name] = value && context.read(value);
  context.emit(dispatch({
    label: node.op.name,
    reads,
    writes: { y: context.output(node) },
    uniforms: { blocks, pixels },
    floats,
    invocations: texels,
    body: `
  let i = id;
  let c = (i / u.pixels) % u.blocks;
  let s = i / (u.pixels * u.blocks);
  y[i] = ${expression};`,
  }));
}

/** max(x, 0). */
export const relu: Kernel = (node, context) =>
  elementwise(node, context, node.operands as Operands<"relu">, activate("relu", "x(i)"));

/** min(max(x, 0), 6). */
export const relu6: Kernel = (node, context) =>
  elementwise(node, context, node.operands as Operands<"relu6">, activate("relu6", "x(i)"));

/** 1 / (1 + exp(-x / temperature)). */
export const sigmoid: Kernel = (node, context) => {
  const { x, temperature } = node.operands as Operands<"sigmoid">;
  elementwise(
    node,
    context,
    { x, temperature },
    `1.0 / (1.0 + exp(-x(i)${temperature ? " / temperature(0u).x" : ""}))`,
  );
};

/** a + b. */
export const add: Kernel = (node, context) =>
  elementwise(node, context, node.operands as Operands<"add">, "a(i) + b(i)");

/** x times a scale of x's shape, of [B, C] or of [C]. */
export const mul: Kernel = (node, context) => {
  const { x, scale } = node.operands as Operands<"mul">;
  const index = scale.shape.length === x.shape.length ? "i" : scale.shape.length === 2 ? "s * u.blocks + c" : "c";
  elementwise(node, context, { x, scale }, `x(i) * scale(${index})`);
};

/** weight (x - mean) / sqrt(var + eps) + bias; passes fold it away where a convolution or linear layer precedes. */
export const batchNorm: Kernel = (node, context) => {
  const { x, weight, bias, runningMean, runningVar } = node.operands as Operands<"batch_norm">;
  const { eps } = node.attributes as { eps: number };
  elementwise(
    node,
    context,
    { x, weight, bias, mean: runningMean, variance: runningVar },
    `weight(c) * (x(i) - mean(c)) * inverseSqrt(variance(c) + ${eps.toExponential()}) + bias(c)`,
  );
};

/** Identity: executors run inference graphs and graphs whose passes made dropout explicit. */
export const dropout: Kernel = (node, context) => context.alias(node, (node.operands as Operands<"dropout">).x);
