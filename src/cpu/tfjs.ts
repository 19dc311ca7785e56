/**
 * TensorFlow.js with its WASM backend, and this project's own kernels on its memory, started without the permission to
 * read files: the binary comes through the module loader (./simd_binary.js). It is the SIMD build, asked for by name so
 * that no machine falls back to the scalar one unnoticed, and single-threaded: ./pool.ts runs one instance a core.
 *
 * The packages taken here are a fifth of the union package's download: 11 MB against 54 MB.
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

/** The entry points that BackendWasm calls, with their number of (numeric) parameters. */
const ENTRY_POINTS = {
  init: ["init", 0],
  initWithThreadsCount: ["init_with_threads_count", 1],
  getThreadsCount: ["get_threads_count", 0],
  registerTensor: ["register_tensor", 3],
  disposeData: ["dispose_data", 1],
  dispose: ["dispose", 0],
} as const;

type BackendModule = ConstructorParameters<typeof BackendWasm>[0];

/** Emscripten's loader. Its published types leave out what it adds to the module at run time. */
type Loader = (settings: {
  instantiateWasm(imports: WebAssembly.Imports, loaded: (instance: WebAssembly.Instance) => void): object;
}) => Promise<BackendModule & { cwrap(name: string, result: "number", parameters: "number"[]): unknown }>;

let started: Promise<void> | undefined;

/** This project's own kernels, on tfjs's memory; there once startTfjs() is through. */
export let wasmKernels: WasmKernels;

/** Starts the backend, once a thread. Throws DeviceError where WebAssembly with SIMD does not run. */
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
        return {}; // "the answer comes by callback"
      },
    };
    (createModule as unknown as Loader)(settings).then(resolve, reject);
  });
  const bound = Object.entries(ENTRY_POINTS).map(([name, [symbol, parameters]]) => {
    return [name, wasm.cwrap(symbol, "number", Array(parameters).fill("number"))];
  });
  wasm.tfjs = Object.fromEntries(bound);
  tf.removeBackend("wasm"); // the one that the package registers loads its binary from a file
  tf.registerBackend("wasm", () => new BackendWasm(wasm));
  if (!await tf.setBackend("wasm")) throw new Error("tfjs refuses its WASM backend");
}

/** A tensor's elements where they lie in WASM's memory. The next allocation may move that: use the view before it. */
export function heapView({ shape, dtype, dataId }: tf.Tensor): Float32Array {
  return (tf.backend() as BackendWasm).typedArrayFromHeap({ shape, dtype, dataId }) as Float32Array;
}

/** A tensor whose elements are whatever lay there. */
export function emptyTensor(shape: number[]): tf.Tensor {
  const { dataId, dtype } = (tf.backend() as BackendWasm).makeOutput(shape, "float32");
  return tf.engine().makeTensorFromDataId(dataId, shape, dtype);
}

/** Where tensors' elements begin in WASM's memory, where they stay; 0 where there is no tensor. */
export function addressesOf<K extends string>(
  tensors: Readonly<Record<K, tf.Tensor | undefined>>,
): Record<K, number> {
  const entries = Object.entries<tf.Tensor | undefined>(tensors);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name, tensor ? heapView(tensor).byteOffset : 0]),
  ) as Record<K, number>;
}
