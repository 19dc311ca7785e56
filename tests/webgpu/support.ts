/** What the WebGPU tests share: devices, random tensors, comparison with the float64 reference. */

import { assert } from "@std/assert";
import type { Tensors } from "../../src/graph/backend.ts";
import { Graph, type Shape, size, type Value } from "../../src/graph/graph.ts";
import { openWebGpu, type WebGpuBackend, type WebGpuOptions } from "../../src/webgpu/device.ts";
import { runReference } from "../support/reference_ops.ts";

/** Opens a device, runs `use`, and frees the device. Fails, never skips, where there is no adapter. */
export async function withWebGpu(
  options: WebGpuOptions,
  use: (backend: WebGpuBackend) => Promise<void>,
): Promise<void> {
  const backend = await openWebGpu(options);
  assert(backend, "no WebGPU adapter: install a Vulkan driver (Debian: apt-get install mesa-vulkan-drivers)");
  try {
    await use(backend);
  } finally {
    backend.dispose();
  }
}

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

/** Asserts that the device's outputs are the reference's, inside error scopes. */
export async function assertParity(
  backend: WebGpuBackend,
  name: string,
  { graph, inputs }: RandomGraph,
  tolerance = 2e-6,
): Promise<void> {
  backend.device.pushErrorScope("validation");
  const executable = await backend.compile(graph);
  const [actual, expected] = await Promise.all([executable.run(inputs), runReference(graph, inputs)]);
  executable.dispose();
  const error = await backend.device.popErrorScope();
  assert(error === null, `${name}: ${error?.message}`);
  for (const output of graph.outputs.keys()) {
    const e = relativeError(actual[output], expected[output]);
    assert(e <= tolerance, `${name}, output "${output}": relative error ${e.toExponential(2)} > ${tolerance}`);
  }
}
