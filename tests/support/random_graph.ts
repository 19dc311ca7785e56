/** Makes graphs of random tensors. */

import type { Tensors } from "../../src/graph/backend.ts";
import { Graph, type Shape, size, type Value } from "../../src/graph/graph.ts";

/** Returns numbers in [-1, 1), the same for the same seed (a linear congruential generator). */
export function random(shape: Shape, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from({ length: size(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Builds a graph whose tensors are random. */
export class RandomGraph {
  /** The graph. */
  readonly graph: Graph = new Graph();
  /** The inputs of a run. */
  readonly inputs: Tensors = {};
  #seed = 1;

  /** Adds a random input. A `lowest` of 0.1 keeps it positive. */
  input(name: string, shape: Shape): Value {
    this.inputs[name] = random(shape, this.#seed++);
    return this.graph.input(name, shape);
  }

  /** Adds a random parameter. */
  parameter(name: string, shape: Shape, map: (v: number) => number = (v) => v): Value {
    const data = random(shape, this.#seed++).map(map);
    return this.graph.parameter(name, shape, () => Promise.resolve(data));
  }
}
