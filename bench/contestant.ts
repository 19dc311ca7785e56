/**
 * Who is timed: this project and its peers, behind one interface, so that all of them run the same graphs on the same
 * numbers.
 *
 * @module
 */

import type { Tensors } from "../src/graph/backend.ts";
import type { Graph } from "../src/graph/graph.ts";

/** A graph, ready to run. */
export interface Runner {
  /** Inputs as the graph names them, row-major, to outputs. */
  run(inputs: Tensors): Promise<Tensors>;
  /** Milliseconds of one run's kernels alone, without transfers; left out by who cannot tell. */
  kernelMs?(inputs: Tensors): Promise<number>;
  /** Frees it. */
  dispose(): Promise<void> | void;
}

/** Something that runs graphs. One runner of it is alive at a time. */
export interface Contestant {
  /** "odconv", or one of the peers. */
  readonly name: string;
  /** Its library's version, and what it runs on. */
  readonly description: string;
  /** Runs that may be started before the first is awaited. */
  readonly inFlight: number;
  /** Whether it is given dynamic networks of this batch; where not, the static network of the same shape is timed. */
  takesDynamic(batch: number): boolean;
  /** Makes a graph ready. Throws where it cannot run it. */
  compile(graph: Graph): Promise<Runner>;
}
