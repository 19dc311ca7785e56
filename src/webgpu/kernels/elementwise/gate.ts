/** The operators that decide whether updates of a training step count. See src/graph/ops/gate.ts. */

import type { OperandsOf } from "../../../graph/graph.ts";
import type { accumulate as accumulateOperator, gate as gateOperator } from "../../../graph/ops/gate.ts";
import type { Kernel } from "../../plan/plan.ts";
import { planFormula } from "../wgsl/formula.ts";

/**
 * total + gradient, or the gradient alone. It is a select, because a total that is not finite must not reach the
 * result.
 */
export const accumulate: Kernel = (node, context) => {
  const { total, gradient, keep } = node.operands as OperandsOf<typeof accumulateOperator>;
  planFormula(node, {
    texels: { total, gradient },
    numbers: { keep },
    result: (n) => `select(${n.gradient}, ${n.total} + ${n.gradient}, ${n.keep} != 0.0)`,
    over: total,
  }, context);
};

/**
 * open if x is finite, else 0. It tests the exponent's bits, because shader compilers may assume that numbers are
 * finite.
 */
export const gate: Kernel = (node, context) => {
  const { open, x } = node.operands as OperandsOf<typeof gateOperator>;
  planFormula(node, {
    texels: { open },
    numbers: { x },
    result: (n) => `select(vec4f(), ${n.open}, (bitcast<u32>(${n.x}) & 0x7f800000u) != 0x7f800000u)`,
  }, context);
};
