/**
 * How every pass edits a graph: it builds a new graph node by node, with a map from old values to new ones. The old graph
 * stays as it was.
 */

import { Graph, type Node, type Operands, type Value } from "../graph.ts";

/** The new graph so far. */
export interface Rewrite {
  /** Being built. */
  readonly graph: Graph;
  /** The new value of an old one. */
  of(old: Value): Value;
  /** The new values of a node's operands. `changed` replaces some of them, by old or new values. */
  operands(node: Node, changed?: Operands): Record<string, Value | undefined>;
  /** The node copied with its operands renewed. */
  copy(node: Node): Value;
}

/** Rebuilds a graph. `visit` returns the new value for each node's output. */
export function rewrite(old: Graph, visit: (node: Node, to: Rewrite) => Value): Graph {
  const graph = new Graph();
  const renewed = new Map<Value, Value>();
  const of = (value: Value): Value => {
    if (graph.parameters.get(value.name) === value) return value; // made by the pass itself
    const known = renewed.get(value);
    if (known) return known;
    if (value.source.kind !== "parameter") throw new Error(`${value.name} is used before it is made`);
    // A parameter is copied when it is first used, so unused ones are dropped.
    const copy = graph.parameter(value.name, value.shape, value.source.load);
    renewed.set(value, copy);
    return copy;
  };
  const operands = (node: Node, changed: Operands = {}) => {
    const all: Record<string, Value | undefined> = { ...node.operands, ...changed };
    for (const name in all) all[name] = all[name] && of(all[name]);
    return all;
  };
  const copy = (node: Node): Value => graph.apply(node.op, node.name, operands(node), node.attributes);
  for (const [name, value] of old.inputs) {
    const initial = value.source.kind === "input" ? value.source.initial : undefined;
    renewed.set(value, graph.input(name, value.shape, initial));
  }
  for (const node of old.nodes) renewed.set(node.output, visit(node, { graph, of, operands, copy }));
  for (const [name, value] of old.outputs) graph.output(name, of(value));
  for (const [parameter, value] of old.updates) graph.update(of(parameter), of(value));
  return removeDeadNodes(graph);
}

/** Drops the nodes and parameters that no output needs. */
export function removeDeadNodes(graph: Graph): Graph {
  const needed = new Set<Value>([...graph.outputs.values(), ...graph.updates.keys(), ...graph.updates.values()]);
  const live: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!needed.has(node.output)) continue;
    live.push(node);
    for (const value of Object.values(node.operands as Operands)) if (value) needed.add(value);
  }
  graph.nodes.splice(0, graph.nodes.length, ...live.reverse());
  for (const [name, value] of graph.parameters) if (!needed.has(value)) graph.parameters.delete(name);
  return graph;
}
