/**
 * Converts a graph to plain data that can be posted to a worker, and back. Parameters are in memory that all workers
 * share.
 */

import type { Attributes, Source, Value } from "../graph/graph.ts";
import { Graph, type Shape, size } from "../graph/graph.ts";
import { OPERATORS } from "../graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../graph/ops/training.ts";

const ALL_OPERATORS = { ...OPERATORS, ...TRAINING_OPERATORS };

type OperatorName = keyof typeof ALL_OPERATORS;

/** An input or a parameter. `values` is the initial value of an input, or the elements of a parameter. */
interface Leaf {
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
  readonly values?: Float32Array;
}

/** A graph without functions. It refers to values by their id in the original graph. */
export interface GraphData {
  readonly inputs: readonly Leaf[];
  readonly parameters: readonly Leaf[];
  readonly nodes: readonly {
    readonly id: number;
    readonly op: OperatorName;
    readonly name: string;
    readonly operands: Readonly<Record<string, number | undefined>>;
    readonly attributes: Attributes;
  }[];
  readonly outputs: readonly { readonly name: string; readonly id: number }[];
}

/** Converts a graph to data. Its parameters are loaded once for all workers. */
export async function describeGraph(graph: Graph): Promise<GraphData> {
  const parameters: Leaf[] = [];
  for (const { id, name, shape, source } of graph.parameters.values()) {
    const values = new Float32Array(new SharedArrayBuffer(4 * size(shape)));
    values.set(await (source as Extract<Source, { kind: "parameter" }>).load());
    parameters.push({ id, name, shape, values });
  }
  return {
    inputs: [...graph.inputs.values()].map(({ id, name, shape, source }) => {
      return { id, name, shape, values: (source as Extract<Source, { kind: "input" }>).initial };
    }),
    parameters,
    nodes: graph.nodes.map(({ op, name, operands, attributes, output }) => ({
      id: output.id,
      op: op.name as OperatorName,
      name,
      operands: Object.fromEntries(
        Object.entries(operands as Record<string, Value | undefined>).map(([key, value]) => [key, value?.id]),
      ),
      attributes,
    })),
    outputs: [...graph.outputs].map(([name, { id }]) => ({ name, id })),
  };
}

/**
 * Builds the graph from its data. `forget` releases the elements of the parameters. Call it after an executor has
 * copied them, because a graph may live as long as its executable.
 */
export function rebuildGraph(
  { inputs, parameters, nodes, outputs }: GraphData,
): { readonly graph: Graph; readonly forget: () => void } {
  const graph = new Graph();
  const elements = new Map(parameters.map(({ id, values }) => [id, values]));
  const values = new Map<number | undefined, Value>();
  for (const { id, name, shape, values: initial } of inputs) {
    values.set(id, graph.input(name, shape, initial as Float32Array<ArrayBuffer> | undefined));
  }
  for (const { id, name, shape } of parameters) {
    values.set(id, graph.parameter(name, shape, () => Promise.resolve(elements.get(id) as Float32Array<ArrayBuffer>)));
  }
  for (const { id, op, name, operands, attributes } of nodes) {
    const given = Object.fromEntries(Object.entries(operands).map(([key, of]) => [key, values.get(of)]));
    values.set(id, graph.apply(ALL_OPERATORS[op] as never, name, given as never, attributes as never));
  }
  for (const { name, id } of outputs) graph.output(name, values.get(id)!);
  return { graph, forget: () => elements.clear() };
}
