/**
 * Runs graphs without a GPU: convolutions on this project's WASM kernels, the rest on tfjs's. One thread, nothing leaves
 * the machine, no permission needed.
 * Import it dynamically, so that who has a GPU does not download it.
 *
 * @module
 */

import type { Device } from "../graph/backend.ts";
import { compileGraph } from "./executable.ts";
import { startTfjs } from "./tfjs.ts";
import { simdName } from "./wasm/module.ts";

export { openCpuPool } from "./pool.ts";

/** Starts the CPU backend. Throws DeviceError where WebAssembly with SIMD does not run. */
export async function openCpu(): Promise<Device> {
  await startTfjs();
  return {
    name: "cpu",
    description: `WASM ${simdName()}, 1 thread`,
    compile: compileGraph,
    [Symbol.dispose]() {},
    dispose() {}, // the one tfjs instance of this thread stays; executables free what they hold
  };
}
