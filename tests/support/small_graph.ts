/** A graph with results that are easy to compute by hand, for tests of executors that are not about operators. */

import type { Tensors } from "../../src/graph/backend.ts";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";

/** y = relu(mean over pixels of (x scale) . ones + 1). x [2, 3, 5, 5] must be given. The default of scale [3] is 1. */
export function smallGraph(): Graph {
  const graph = new Graph();
  const parameter = (name: string, shape: number[]) => {
    const ones = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
    return graph.parameter(name, shape, () => Promise.resolve(ones));
  };
  const x = graph.input("x", [2, 3, 5, 5]);
  const scale = graph.input("scale", [3], new Float32Array(3).fill(1));
  const scaled = graph.apply(OPERATORS.mul, "scaled", { x, scale }, {});
  const pooled = graph.apply(OPERATORS.global_avg_pool, "pooled", { x: scaled }, {});
  const operands = { x: pooled, weight: parameter("fc.weight", [4, 3]), bias: parameter("fc.bias", [4]) };
  graph.output("pooled", pooled);
  graph.output("y", graph.apply(OPERATORS.linear, "fc", operands, { activation: "relu" }));
  return graph;
}

/**
 * Returns the outputs if every element of x is `x` and every element of scale is `scale`. Both must be small whole
 * numbers.
 */
export function smallGraphResult(x: number, scale = 1): Tensors {
  return {
    pooled: new Float32Array(6).fill(x * scale),
    y: new Float32Array(8).fill(Math.max(3 * x * scale + 1, 0)),
  };
}
