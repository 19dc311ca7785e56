/**
 * Operators that compute each number from the numbers at its place, as formulas.
 *
 * @module
 */

import type { OperandsOf } from "../../../graph/graph.ts";
import type { OPERATORS } from "../../../graph/ops/mod.ts";
import type { Names } from "../../plan/formula.ts";
import type { Kernel } from "../../plan/plan.ts";
import { activate } from "../wgsl/activate.ts";
import { planFormula } from "../wgsl/formula.ts";

type Operands<K extends keyof typeof OPERATORS> = OperandsOf<(typeof OPERATORS)[K]>;

/** max(x, 0). */
export const relu: Kernel = (node, context) =>
  planFormula(node, { texels: node.operands as Operands<"relu">, result: ({ x }) => activate("relu", x) }, context);

/** min(max(x, 0), 6). */
export const relu6: Kernel = (node, context) =>
  planFormula(node, { texels: node.operands as Operands<"relu6">, result: ({ x }) => activate("relu6", x) }, context);

/** 1 / (1 + exp(-x / temperature)). */
export const sigmoid: Kernel = (node, context) => {
  const { x, temperature } = node.operands as Operands<"sigmoid">;
  planFormula(node, {
    texels: { x },
    numbers: { temperature },
    result: (n) => `1.0 / (1.0 + exp(-${n.x}${temperature ? ` / ${n.temperature}` : ""}))`,
  }, context);
};

/** a + b. */
export const add: Kernel = (node, context) =>
  planFormula(node, { texels: node.operands as Operands<"add">, result: ({ a, b }) => `${a} + ${b}` }, context);

/** x times a scale of x's shape, of [B, C] or of [C]. */
export const mul: Kernel = (node, context) => {
  const { x, scale } = node.operands as Operands<"mul">;
  const result = (n: Names) => `${n.x} * ${n.scale}`;
  if (scale.shape.length === x.shape.length) planFormula(node, { texels: { x, scale }, result }, context);
  else if (scale.shape.length === 2) planFormula(node, { texels: { x }, planes: { scale }, result }, context);
  else planFormula(node, { texels: { x }, channels: { scale }, result }, context);
};

/** weight (x - mean) / sqrt(var + eps) + bias; passes fold it away where a convolution or linear layer precedes. */
export const batchNorm: Kernel = (node, context) => {
  const { x, weight, bias, runningMean: mean, runningVar: variance } = node.operands as Operands<"batch_norm">;
  const { eps } = node.attributes as { eps: number };
  planFormula(node, {
    texels: { x },
    channels: { weight, bias, mean, variance },
    floats: { eps },
    setup: { scale: (n) => `${n.weight} * inverseSqrt(${n.variance} + ${n.eps})` },
    result: (n) => `${n.scale} * (${n.x} - ${n.mean}) + ${n.bias}`,
  }, context);
};

/** Identity: executors run inference graphs and graphs whose passes made dropout explicit. */
export const dropout: Kernel = (node, context) => context.alias(node, (node.operands as Operands<"dropout">).x);
