/**
 * Checks in advance whether a graph fits into WebAssembly's memory. If memory runs out during a run, there is no proper
 * error: kernels write through null pointers.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { peakMemory } from "../graph/peak_memory.ts";

/**
 * Largest number of bytes for values. WebAssembly addresses 4 GiB; the kernels' own tables and gaps between values take
 * a part of it.
 */
const MOST_BYTES = 3 * 2 ** 30;

/** Throws DeviceError if a graph does not fit beside this many bytes of other graphs. */
export function checkFits(graph: Graph, others = 0): void {
  const { total } = peakMemory(graph);
  if (total + others <= MOST_BYTES) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const beside = others ? ` beside ${gigabytes(others)} in use` : "";
  throw new DeviceError(
    `the CPU backend has ${gigabytes(MOST_BYTES)} of memory, this takes ${gigabytes(total)}${beside}; ` +
      "a smaller batch takes less",
    { reason: "too large" },
  );
}
