/**
 * What every executor of graphs offers. src/webgpu and src/cpu implement it; nothing else needs to know which one runs.
 *
 * @module
 */

import type { Graph } from "./graph.ts";

/** What is said of an executable that was disposed. */
export const DISPOSED = "this executable was disposed; compile the graph again";

/** Named float32 tensors in row-major (PyTorch) order. */
export type Tensors = Record<string, Float32Array<ArrayBuffer>>;

/** A device that can run graphs. */
export interface Backend {
  /** "webgpu" or "cpu". */
  readonly name: "webgpu" | "cpu";
  /** The adapter or library behind it, for people ("llvmpipe (LLVM 15.0.6, 256 bits)"). */
  readonly description: string;
  /** Plans memory, builds pipelines and uploads parameters. Throws DeviceError where the graph does not fit. */
  compile(graph: Graph): Promise<Executable>;
  /** Frees the device. Executables made from it stop working. */
  dispose(): void;
}

/** What openDevice returns: a device that `using device = await openDevice()` disposes of. */
export interface Device extends Backend, Disposable {}

/** A compiled graph. */
export interface Executable {
  /**
   * Runs the graph once. `inputs` are keyed as `graph.inputs`, the answer as `graph.outputs`. Several runs may be
   * started before the first is awaited; they are answered in order.
   */
  run(inputs: Tensors): Promise<Tensors>;
  /**
   * What parameters hold after the runs so far, row-major, by name. Throws ShapeError where the graph has no parameter of
   * such a name. Left out by devices that share runs between workers: those do not train.
   */
  read?(names: Iterable<string>): Promise<Tensors>;
  /** Frees parameters and activations. */
  dispose(): void;
}
