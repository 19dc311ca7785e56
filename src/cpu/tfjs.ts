/**
 * Starts TensorFlow.js with its WASM backend, and this project's own kernels on its memory. It needs no permission to
 * read files, because the binary comes through the module loader (./simd_binary.js). The SIMD build is selected by
 * name, so that no machine silently uses the scalar build. It is single-threaded: ./pool.ts runs one instance per core.
 *
 * Only some of the packages are used, 11 MB of downloads. The union package has 54 MB.
 *
 * @module
 */

// Inline specifiers: a module imported from a URL cannot rely on this project's import map.
// deno-lint-ignore-file no-import-prefix
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BackendWasm } from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
import createModule from "npm:@tensorflow/tfjs-backend-wasm@4.22.0/wasm-out/tfjs-backend-wasm.js";
import { DeviceError } from "../errors.ts";
import simdBinary from "./simd_binary.js";
import { openWasmKernels, type WasmKernels } from "./wasm/module.ts";

export { tf };

/** The entry points that BackendWasm calls, with the number of their (numeric) parameters. */
const ENTRY_POINTS = {
  init: ["init", 0],
  initWithThreadsCount: ["init_with_threads_count", 1],
  getThreadsCount: ["get_threads_count", 0],
  registerTensor: ["register_tensor", 3],
  disposeData: ["dispose_data", 1],
  dispose: ["dispose", 0],
} as const;

type BackendModule = ConstructorParameters<typeof BackendWasm>[0];

/** Emscripten's loader. Its published types lack the members that are added to the module at run time. */
type Loader = (settings: {
  instantiateWasm(imports: WebAssembly.Imports, loaded: (instance: WebAssembly.Instance) => void): object;
}) => Promise<BackendModule & { cwrap(name: string, result: "number", parameters: "number"[]): unknown }>;

let started: Promise<void> | undefined;

/** This project's own kernels, on tfjs's memory. Set after startTfjs() has finished. */
export let wasmKernels: WasmKernels;

/** Starts the backend, once per thread. Throws DeviceError if WebAssembly with SIMD is not supported. */
export function startTfjs(): Promise<void> {
  started ??= start().catch((cause: Error) => {
    throw new DeviceError(`the CPU backend needs WebAssembly with SIMD, which does not start here: ${cause.message}`);
  });
  return started;
}

async function start(): Promise<void> {
  const wasm = await new Promise<Awaited<ReturnType<Loader>>>((resolve, reject) => {
    const settings: Parameters<Loader>[0] = {
      instantiateWasm(imports, loaded) {
        WebAssembly.instantiate(simdBinary, imports).then(async (instance) => {
          wasmKernels = await openWasmKernels(instance.exports.memory as WebAssembly.Memory);
          loaded(instance);
        }).catch(reject);
        return {}; // empty: the instance is passed to the callback
      },
    };
    (createModule as unknown as Loader)(settings).then(resolve, reject);
  });
  const bound = Object.entries(ENTRY_POINTS).map(([name, [symbol, parameters]]) => {
    return [name, wasm.cwrap(symbol, "number", Array(parameters).fill("number"))];
  });
  wasm.tfjs = Object.fromEntries(bound);
  tf.removeBackend("wasm"); // the package's own backend loads its binary from a file
  tf.registerBackend("wasm", () => new BackendWasm(wasm));
  if (!await tf.setBackend("wasm")) throw new Error("tfjs refuses its WASM backend");
}

/**
 * Returns a view of a tensor's elements in WASM's memory. The next allocation may move the memory, so use the view
 * before it.
 */
export function heapView({ shape, dtype, dataId }: tf.Tensor): Float32Array {
  return (tf.backend() as BackendWasm).typedArrayFromHeap({ shape, dtype, dataId }) as Float32Array;
}

/** Returns a tensor with uninitialised elements. */
export function emptyTensor(shape: number[]): tf.Tensor {
  const { dataId, dtype } = (tf.backend() as BackendWasm).makeOutput(shape, "float32");
  return tf.engine().makeTensorFromDataId(dataId, shape, dtype);
}

/**
 * Returns the addresses of the tensors' elements in WASM's memory; 0 for a missing tensor. The addresses stay valid.
 */
export function addressesOf<K extends string>(
  tensors: Readonly<Record<K, tf.Tensor | undefined>>,
): Record<K, number> {
  const entries = Object.entries<tf.Tensor | undefined>(tensors);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name, tensor ? heapView(tensor).byteOffset : 0]),
  ) as Record<K, number>;
}
