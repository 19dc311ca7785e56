/**
 * Runs training and inference graphs in float64, one operator after another. This is precise enough for finite
 * differences.
 *
 * @module
 */

import type { Graph, Operands, Value } from "../../src/graph/graph.ts";
import { REFERENCE_GRADIENT_OPS } from "./reference_gradient_ops.ts";
import { REFERENCE_OPS, type Tensor } from "./reference_ops.ts";

const OPS = { ...REFERENCE_OPS, ...REFERENCE_GRADIENT_OPS };

/** Numbers of inputs and parameters, by name. */
export type Given = Readonly<Record<string, ArrayLike<number>>>;

/**
 * Returns the outputs of a graph, or the numbers of `values`. Inputs that are left out have their initial numbers. All
 * parameters must be given.
 */
export function interpret(graph: Graph, given: Given): Record<string, Float64Array>;
export function interpret(graph: Graph, given: Given, values: readonly Value[]): Float64Array[];
export function interpret(graph: Graph, given: Given, values?: readonly Value[]) {
  const known = new Map<Value, Tensor>();
  for (const [name, value] of [...graph.inputs, ...graph.parameters]) {
    const initial = value.source.kind === "input" ? value.source.initial : undefined;
    const numbers = given[name] ?? initial;
    if (!numbers) throw new Error(`${name} is not given`);
    known.set(value, { shape: value.shape, data: Float64Array.from(numbers) });
  }
  for (const node of graph.nodes) {
    const operands: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(node.operands as Operands)) {
      if (value) operands[name] = known.get(value)!;
    }
    const data = OPS[node.op.name as keyof typeof OPS](operands, node.attributes, node.output.shape);
    known.set(node.output, { shape: node.output.shape, data });
  }
  if (values) return values.map((value) => known.get(value)!.data);
  return Object.fromEntries([...graph.outputs].map(([name, value]) => [name, known.get(value)!.data]));
}
