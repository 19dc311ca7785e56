/** Shared by the tests of training graphs on WebGPU. */

import { assert } from "@std/assert";
import type { Graph } from "../../src/graph/graph.ts";
import type { WebGpuBackend } from "../../src/webgpu/device.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { relativeError } from "../support/error.ts";
import type { RandomGraph } from "../support/random_graph.ts";
import type { ChooseVariant } from "../../src/webgpu/plan/variant.ts";

/** The numbers of a graph's parameters, by name. */
export async function parameterNumbers(graph: Graph): Promise<Record<string, Float32Array>> {
  const numbers: Record<string, Float32Array> = {};
  for (const [name, { source }] of graph.parameters) {
    if (source.kind === "parameter") numbers[name] = await source.load();
  }
  return numbers;
}

/** Asserts that the device's outputs are those of the float64 interpreter, inside error scopes. */
export async function assertInterpreted(
  backend: WebGpuBackend,
  name: string,
  { graph, inputs }: Pick<RandomGraph, "graph" | "inputs">,
  tolerance: number,
  choose?: ChooseVariant,
): Promise<void> {
  backend.device.pushErrorScope("validation");
  const executable = await backend.compile(graph, choose);
  const actual = await executable.run(inputs);
  executable.dispose();
  const complaint = await backend.device.popErrorScope();
  assert(complaint === null, `${name}: ${complaint?.message}`);
  const expected = interpret(graph, { ...await parameterNumbers(graph), ...inputs });
  for (const output of graph.outputs.keys()) {
    const error = relativeError(actual[output], expected[output]);
    assert(error <= tolerance, `${name}, "${output}": relative error ${error.toExponential(2)} > ${tolerance}`);
  }
}
