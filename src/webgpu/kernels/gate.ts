/**
 * Which updates of a training step count; see src/graph/ops/gate.ts. One texel an invocation.
 *
 * @module
 */

import type { Node, OperandsOf } from "../../graph/graph.ts";
import type {
  accumulate as accumulateOperator,
  gate as gateOperator,
  where as whereOperator,
} from "../../graph/ops/gate.ts";
import { dispatch, type Resource } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel, PlanContext } from "../planner.ts";

function texelwise(
  node: Node,
  context: PlanContext,
  reads: Readonly<Record<string, Resource>>,
  expression: string,
): void {
  context.emit(dispatch({
    label: node.op.name,
    reads,
    writes: { y: context.output(node) },
    uniforms: {},
    invocations: blocked(node.output.shape).texels,
    body: `\n  y[id] = ${expression};`,
  }));
}

/** One of two tensors. */
export const where: Kernel = (node, context) => {
  const { condition, input, other } = node.operands as OperandsOf<typeof whereOperator>;
  const reads = { condition: context.read(condition), input: context.read(input), other: context.read(other) };
  texelwise(node, context, reads, "select(other(id), input(id), condition(0u).x != 0.0)");
};

/** total + gradient, or the gradient alone: a total that is not finite must not come through. */
export const accumulate: Kernel = (node, context) => {
  const { total, gradient, keep } = node.operands as OperandsOf<typeof accumulateOperator>;
  const reads = { total: context.read(total), gradient: context.read(gradient), keep: context.read(keep) };
  texelwise(node, context, reads, "select(gradient(id), total(id) + gradient(id), keep(0u).x != 0.0)");
};

/** open where x is finite, else 0. By its exponent's bits: shader compilers may take for granted that numbers are finite. */
export const gate: Kernel = (node, context) => {
  const { open, x } = node.operands as OperandsOf<typeof gateOperator>;
  const isFinite = "(bitcast<u32>(x(0u).x) & 0x7f800000u) != 0x7f800000u";
  texelwise(node, context, { open: context.read(open), x: context.read(x) }, `select(vec4f(), open(0u), ${isFinite})`);
};
