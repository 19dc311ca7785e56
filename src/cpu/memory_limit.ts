/**
 * What fits into WebAssembly's memory. Known beforehand, because what does not fit there is not refused in any orderly way:
 * kernels write through null pointers.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { peakMemory } from "../graph/peak_memory.ts";

/** Bytes of values: WebAssembly addresses 4 GiB, of which kernels' own tables and gaps between values take some. */
const MOST_BYTES = 3 * 2 ** 30;

/** Throws DeviceError where a graph does not fit beside so many bytes of others. */
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
