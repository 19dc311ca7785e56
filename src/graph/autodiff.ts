/**
 * Reverse-mode differentiation: appends to a graph the nodes that compute the gradients of its loss, by the rules of its
 * operators. The same planners and kernels run them. Forward and backward are one run.
 *
 * Only operators between the requested values and the loss are differentiated, so frozen parameters cost nothing.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";
import { type Backward, type Graph, type Node, type Operands, presentOperands, size, type Value } from "./graph.ts";
import { add } from "./ops/elementwise.ts";

/**
 * The gradients of `loss` to each of `wrt`, of their shapes. Values that the loss does not depend on are left out.
 *
 * `upstream` is the gradient to the loss itself, of its shape. If it is left out, the loss must be one number. Its gradient
 * is then the graph's input "loss_weight", which is 1 if a run does not give it. It can be the share of one part of an
 * accumulated batch, or a loss scale.
 *
 * @throws {ShapeError} if there is no upstream and the loss is not one number.
 * @throws {Error} if an operator on the way has no gradient rule.
 */
export function appendGradients(
  graph: Graph,
  loss: Value,
  wrt: readonly Value[],
  upstream?: Value,
): Map<Value, Value> {
  const needed = dependents(graph, wrt);
  const gradients = new Map<Value, Value>();
  if (!needed.has(loss)) return gradients;
  gradients.set(loss, upstream ?? lossWeight(graph, loss));
  for (const node of graph.nodes.toReversed()) {
    const gradient = gradients.get(node.output);
    if (!gradient || !needed.has(node.output)) continue;
    for (const [value, part] of operandGradients(graph, node, gradient, needed)) {
      const sum = gradients.get(value);
      gradients.set(value, sum ? graph.apply(add, value.name, { a: sum, b: part }, {}) : part);
    }
  }
  return new Map(wrt.flatMap((value) => {
    const gradient = gradients.get(value);
    return gradient ? [[value, gradient]] : [];
  }));
}

/** The given values and everything computed from them. */
function dependents(graph: Graph, values: readonly Value[]): Set<Value> {
  const found = new Set(values);
  for (const node of graph.nodes) {
    if (presentOperands(node).some((operand) => found.has(operand))) found.add(node.output);
  }
  return found;
}

function lossWeight(graph: Graph, loss: Value): Value {
  if (size(loss.shape) !== 1) {
    throw new ShapeError(
      `${loss.name} is [${loss.shape.join(", ")}], a loss is one number; give the gradient to it as \`upstream\``,
    );
  }
  return graph.inputs.get("loss_weight") ?? graph.input("loss_weight", loss.shape, Float32Array.of(1));
}

/** The part of its operands' gradients that comes from one node. */
function* operandGradients(
  graph: Graph,
  node: Node,
  gradient: Value,
  needed: ReadonlySet<Value>,
): Generator<[Value, Value]> {
  const { name, op, attributes, output } = node;
  const operands = node.operands as Operands;
  if (!op.gradient) throw new Error(`${name}: the operator ${op.name} has no gradient rule`);
  const needs = (operand: PropertyKey) => {
    const value = operands[operand as string];
    return value !== undefined && needed.has(value);
  };
  const apply: Backward<Operands, typeof attributes>["apply"] = (rule, ...rest) => graph.apply(rule, name, ...rest);
  const answers: Record<string, Value | null | undefined> = op.gradient({
    operands,
    attributes,
    output,
    gradient,
    needs,
    apply,
  });
  for (const [operand, value] of Object.entries(operands)) {
    if (!value || !needed.has(value)) continue;
    const part = answers[operand];
    if (part === undefined) throw new Error(`${name}: the operator ${op.name} has no gradient to its ${operand}`);
    if (part) yield [value, part];
  }
}
