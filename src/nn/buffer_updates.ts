import type { Graph, Value } from "../graph/graph.ts";
import { UPDATE } from "./module.ts";

/** The buffers that a training graph replaces, by state-dict name: what they hold after a run. */
export function bufferUpdates(graph: Graph): Map<string, Value> {
  return new Map(
    [...graph.outputs].filter(([name]) => name.startsWith(UPDATE)).map((
      [name, value],
    ) => [name.slice(UPDATE.length), value]),
  );
}

/**
 * The num_batches_tracked buffers that PyTorch would increase by one at each run of a training graph: those of the batch
 * norms that update their statistics. They are 64-bit integers, which no graph computes: whoever runs the graph counts.
 */
export function countedBatches(graph: Graph): string[] {
  const mean = /(^|\.)running_mean$/;
  return [...bufferUpdates(graph).keys()].filter((name) => mean.test(name)).map((name) =>
    name.replace(mean, "$1num_batches_tracked")
  );
}
