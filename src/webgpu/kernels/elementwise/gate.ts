/** Which updates of a training step count; see src/graph/ops/gate.ts. */

import type { OperandsOf } from "../../../graph/graph.ts";
import type { accumulate as accumulateOperator, gate as gateOperator } from "../../../graph/ops/gate.ts";
import type { Kernel } from "../../plan/plan.ts";
import { planFormula } from "../wgsl/formula.ts";

/** total + gradient, or the gradient alone: a total that is not finite must not come through. */
export const accumulate: Kernel = (node, context) => {
  const { total, gradient, keep } = node.operands as OperandsOf<typeof accumulateOperator>;
  const result = "select(gradient, total + gradient, keep != 0.0)";
  planFormula(node, { texels: { total, gradient }, numbers: { keep }, result, over: total }, context);
};

/** open where x is finite, else 0. By its exponent's bits: shader compilers may take for granted that numbers are finite. */
export const gate: Kernel = (node, context) => {
  const { open, x } = node.operands as OperandsOf<typeof gateOperator>;
  const result = "select(vec4f(), open, (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u)";
  planFormula(node, { texels: { open }, numbers: { x }, result }, context);
};
