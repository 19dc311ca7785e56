/**
 * The interface of every executor of graphs. src/webgpu and src/cpu implement it. Nothing else needs to know which one
 * runs.
 *
 * @module
 */

import type { Graph } from "./graph.ts";

/** The message of an error about an executable that was disposed. */
export const DISPOSED = "this executable was disposed; compile the graph again";

/** Named float32 tensors in row-major (PyTorch) order. */
export type Tensors = Record<string, Float32Array<ArrayBuffer>>;

/** A device that can run graphs. */
export interface Backend {
  /** "webgpu" or "cpu". */
  readonly name: "webgpu" | "cpu";
  /** The adapter or library behind it, for people ("llvmpipe (LLVM 15.0.6, 256 bits)"). */
  readonly description: string;
  /** Plans memory, builds pipelines and uploads parameters. Throws DeviceError if the graph does not fit. */
  compile(graph: Graph): Promise<Executable>;
  /** Frees the device. Executables made from it stop working. */
  dispose(): void;
}

/** What openDevice returns: a device that `using device = await openDevice()` disposes of. */
export interface Device extends Backend, Disposable {}

/** A compiled graph. */
export interface Executable {
  /**
   * Runs the graph once. `inputs` has the names of `graph.inputs`, the result those of `graph.outputs`. Several runs may
   * be started before the first is awaited. They end in the order in which they were started.
   */
  run(inputs: Tensors): Promise<Tensors>;
  /**
   * The values of parameters after the runs so far, row-major, by name. Throws ShapeError if the graph has no parameter of
   * such a name. Devices that share runs between workers do not have it, because they do not train.
   */
  read?(names: Iterable<string>): Promise<Tensors>;
  /** Frees parameters and activations. */
  dispose(): void;
}
