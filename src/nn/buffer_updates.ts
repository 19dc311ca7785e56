import type { Graph } from "../graph/graph.ts";

/**
 * The num_batches_tracked buffers that PyTorch would increase by one at each run of a training graph: those of the batch
 * norms that update their statistics. They are 64-bit integers, which no graph computes. The caller that runs the graph
 * counts.
 */
export function countedBatches(graph: Graph): string[] {
  const mean = /(^|\.)running_mean$/;
  return [...graph.updates.keys()].map((parameter) => parameter.name).filter((name) => mean.test(name))
    .map((name) => name.replace(mean, "$1num_batches_tracked"));
}
