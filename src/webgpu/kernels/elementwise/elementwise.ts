/**
 * Operators that compute each number from the numbers at the same place and are not in ./formulas.ts.
 *
 * @module
 */

import type { OperandsOf } from "../../../graph/graph.ts";
import type { OPERATORS } from "../../../graph/ops/mod.ts";
import type { Kernel } from "../../plan/plan.ts";
import { planFormula } from "../wgsl/formula.ts";

type Operands<K extends keyof typeof OPERATORS> = OperandsOf<(typeof OPERATORS)[K]>;

/** 1 / (1 + exp(-x / temperature)). */
export const sigmoid: Kernel = (node, context) => {
  const { x, temperature } = node.operands as Operands<"sigmoid">;
  planFormula(node, {
    texels: { x },
    numbers: { temperature },
    result: (n) => `1.0 / (1.0 + exp(-${n.x}${temperature ? ` / ${n.temperature}` : ""}))`,
  }, context);
};

/** weight (x - mean) / sqrt(var + eps) + bias. Graph passes fold it into a preceding convolution or linear layer. */
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

/** Identity. Inference graphs need no dropout, and in training graphs a pass has replaced it with explicit masks. */
export const dropout: Kernel = (node, context) => context.alias(node, (node.operands as Operands<"dropout">).x);
