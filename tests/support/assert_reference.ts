/** Compares a device's outputs with those of plain loops in float64. */

import { assert } from "@std/assert";
import type { Backend } from "../../src/graph/backend.ts";
import { relativeError } from "./error.ts";
import type { RandomGraph } from "./random_graph.ts";
import { runReference } from "./reference_ops.ts";

/** Asserts that the device's outputs equal the reference's. */
export async function assertReference(
  backend: Backend,
  name: string,
  { graph, inputs }: RandomGraph,
  tolerance = 2e-6,
): Promise<void> {
  const executable = await backend.compile(graph);
  const [actual, expected] = await Promise.all([executable.run(inputs), runReference(graph, inputs)]);
  executable.dispose();
  for (const output of graph.outputs.keys()) {
    const e = relativeError(actual[output], expected[output]);
    assert(e <= tolerance, `${name}, output "${output}": relative error ${e.toExponential(2)} > ${tolerance}`);
  }
}
