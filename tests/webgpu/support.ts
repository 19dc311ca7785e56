/** What the WebGPU tests share: devices, and comparison with the float64 reference. */

import { assert } from "@std/assert";
import { openWebGpu, type WebGpuBackend, type WebGpuOptions } from "../../src/webgpu/device.ts";
import { type RandomGraph, relativeError } from "../support/random_graph.ts";
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
