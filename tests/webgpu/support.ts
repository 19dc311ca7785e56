/** Shared by the WebGPU tests: opens devices and compares results with the float64 reference. */

import { assert } from "@std/assert";
import { openWebGpu, type WebGpuBackend, type WebGpuOptions } from "../../src/webgpu/device.ts";
import { assertReference } from "../support/assert_reference.ts";
import type { RandomGraph } from "../support/random_graph.ts";

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

/** As assertReference(), inside error scopes: what the device complains of is told first. */
export async function assertParity(
  backend: WebGpuBackend,
  name: string,
  graph: RandomGraph,
  tolerance?: number,
): Promise<void> {
  backend.device.pushErrorScope("validation");
  try {
    await assertReference(backend, name, graph, tolerance);
  } finally {
    const error = await backend.device.popErrorScope();
    assert(error === null, `${name}: ${error?.message}`);
  }
}
