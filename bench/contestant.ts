/**
 * The interface of what is timed: this project and its peers. All of them run the same graphs on the same inputs.
 *
 * @module
 */

import type { Tensors } from "../src/graph/backend.ts";
import type { Graph } from "../src/graph/graph.ts";

/** A compiled graph. */
export interface Runner {
  /** Runs the graph. Inputs have the graph's names; tensors are row-major. */
  run(inputs: Tensors): Promise<Tensors>;
  /** Returns the milliseconds of one run's kernels alone, without transfers. Absent if the contestant cannot tell. */
  kernelMs?(inputs: Tensors): Promise<number>;
  /** Frees the graph. */
  dispose(): Promise<void> | void;
}

/** A program that runs graphs. Only one of its runners exists at a time. */
export interface Contestant {
  /** "odconv" or the name of a peer. */
  readonly name: string;
  /** Version of its library and the device it runs on. */
  readonly description: string;
  /** Runs that may be started before the first is awaited. */
  readonly inFlight: number;
  /** Returns whether it runs dynamic networks of this batch. If not, the static network of the same shape is timed. */
  takesDynamic(batch: number): boolean;
  /** Compiles a graph. Throws if it cannot run the graph. */
  compile(graph: Graph): Promise<Runner>;
}
