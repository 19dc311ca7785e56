/**
 * Runs graphs without a GPU, on tfjs's WASM SIMD kernels: one thread, nothing leaves the machine, no permission needed.
 * Import it dynamically, so that who has a GPU does not download it.
 *
 * @module
 */

import type { Backend } from "../graph/backend.ts";
import { compileGraph } from "./executable.ts";
import { startTfjs, tf } from "./tfjs.ts";

export { openCpuPool } from "./pool.ts";

/** Starts the CPU backend. Throws DeviceError where WebAssembly with SIMD does not run. */
export async function openCpu(): Promise<Backend> {
  await startTfjs();
  return {
    name: "cpu",
    description: `tfjs ${tf.version_core} (WASM SIMD, 1 thread)`,
    compile: compileGraph,
    dispose() {}, // the one tfjs instance of this thread stays; executables free what they hold
  };
}
