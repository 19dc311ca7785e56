/**
 * Runs graphs without a GPU, in one thread: convolutions in this project's WASM kernels, all other operators in tfjs's.
 * No data leaves the machine, and no permission is needed.
 *
 * Import this file dynamically, so that users with a GPU do not download it.
 *
 * @module
 */

import type { Device } from "../graph/backend.ts";
import { compileGraph } from "./executable.ts";
import { startTfjs } from "./tfjs.ts";
import { simdName } from "./wasm/module.ts";

export { openCpuPool } from "./pool.ts";

/** Starts the CPU backend. Throws DeviceError if WebAssembly with SIMD is not supported. */
export async function openCpu(): Promise<Device> {
  await startTfjs();
  return {
    name: "cpu",
    description: `WASM ${simdName()}, 1 thread`,
    compile: compileGraph,
    [Symbol.dispose]() {},
    dispose() {}, // this thread's single tfjs instance stays; executables free their own memory
  };
}
