/**
 * How much memory a graph's values take at most, on a device that frees each after its last use.
 *
 * @module
 */

import { type Graph, presentOperands, size, type Value } from "./graph.ts";

/** Bytes of float32 values: those of parameters, and the most that other values take at any moment of a run. */
export function peakMemory(graph: Graph): { parameters: number; activations: number; total: number } {
  const bytes = ({ shape }: Value) => 4 * size(shape);
  const lastUse = new Map<Value, number>();
  graph.nodes.forEach((node, i) => presentOperands(node).forEach((value) => lastUse.set(value, i)));
  for (const value of [...graph.outputs.values(), ...graph.updates.values()]) lastUse.set(value, Infinity);

  const isFreed = (value: Value, at: number) => value.source.kind !== "parameter" && lastUse.get(value) === at;
  let live = [...graph.inputs.values()].reduce((sum, value) => sum + bytes(value), 0);
  let activations = live;
  graph.nodes.forEach((node, i) => {
    live += bytes(node.output);
    activations = Math.max(activations, live);
    for (const value of new Set(presentOperands(node))) if (isFreed(value, i)) live -= bytes(value);
    if (!lastUse.has(node.output)) live -= bytes(node.output);
  });
  const parameters = [...graph.parameters.values()].reduce((sum, value) => sum + bytes(value), 0);
  return { parameters, activations, total: parameters + activations };
}
