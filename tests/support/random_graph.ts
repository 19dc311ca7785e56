/** Graphs of random tensors, and how far a device's numbers are from the float64 reference. */

import { assert } from "@std/assert";
import type { Tensors } from "../../src/graph/backend.ts";
import { Graph, type Shape, size, type Value } from "../../src/graph/graph.ts";

/** Numbers in [-1, 1), the same for the same seed (a linear congruential generator). */
export function random(shape: Shape, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from({ length: size(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A graph under construction whose tensors are random. */
export class RandomGraph {
  /** The graph. */
  readonly graph: Graph = new Graph();
  /** What to run it with. */
  readonly inputs: Tensors = {};
  #seed = 1;

  /** A random input; `lowest` 0.1 keeps it positive. */
  input(name: string, shape: Shape): Value {
    this.inputs[name] = random(shape, this.#seed++);
    return this.graph.input(name, shape);
  }

  /** A random parameter. */
  parameter(name: string, shape: Shape, map: (v: number) => number = (v) => v): Value {
    const data = random(shape, this.#seed++).map(map);
    return this.graph.parameter(name, shape, () => Promise.resolve(data));
  }
}

/** The largest difference, relative to the largest expected number. */
export function relativeError(actual: Float32Array, expected: Float64Array): number {
  assert(actual.length === expected.length, `${actual.length} numbers, expected ${expected.length}`);
  let worst = 0;
  let largest = 1e-30;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(actual[i])) return Infinity;
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return worst / largest;
}
