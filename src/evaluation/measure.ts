/**
 * A model, a data set and a device in, a report out.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { DecodePool } from "../data/decode_pool.ts";
import type { Backend } from "../graph/backend.ts";
import type { Model } from "../models/model.ts";
import { findPublished } from "../models/registry.ts";
import { checkLabel, evaluate, type EvaluateOptions } from "./evaluate.ts";
import { prepareImages } from "./prepare.ts";
import { makeReport, type Report } from "./report.ts";
import { type Shard, shardRange } from "./shard.ts";

/** How measure goes about it. */
export interface MeasureOptions extends Pick<EvaluateOptions, "onBroken" | "onProgress" | "onLogits"> {
  /** The file that the model was loaded from, for the report. */
  readonly weights: Report["weights"];
  /** Images a run; where left out, what fits comfortably and keeps the device busy. */
  readonly batch?: number;
  /** Threads that decode; 1 if left out. On a CPU device as many batches run side by side. */
  readonly workers?: number;
  /** Only the first so many images. */
  readonly limit?: number;
  /** Only a part of them. */
  readonly shard?: Shard;
}

/** By the side of the model's images. */
const BATCHES: Readonly<Record<number, Readonly<Record<Backend["name"], number>>>> = {
  32: { webgpu: 128, cpu: 128 },
  224: { webgpu: 16, cpu: 4 },
};

/** Which images of a data set the options choose: [start, end), out of `images`. Throws DataError where that is none. */
export function chosenImages(
  dataset: Dataset,
  { limit = Infinity, shard }: Pick<MeasureOptions, "limit" | "shard">,
): { start: number; end: number; images: number } {
  const images = Math.min(limit, dataset.length);
  return { ...shardRange(shard ?? { index: 1, count: 1 }, images), images };
}

/** Evaluates a model on a device. Throws what evaluate, compile and the data set throw. */
export async function measure(
  model: Model,
  dataset: Dataset,
  backend: Backend,
  options: MeasureOptions,
): Promise<Report> {
  const { weights, shard, workers = 1 } = options;
  const { start, end, images } = chosenImages(dataset, options);
  const batch = Math.min(options.batch ?? BATCHES[model.imageSize][backend.name], end - start);
  const indices = Array.from({ length: end - start }, (_, i) => start + i);
  // Before the work begins, not after hours of it.
  for (const index of indices) checkLabel(dataset.item(index), model.config.numClasses);
  const compiled = await model.compile(backend, { batch });
  const pool = new DecodePool(workers);
  try {
    // Two batches ahead: one that is being put together, and one for the threads to go on with meanwhile.
    const prepared = prepareImages(dataset, indices, model.preprocessing, pool, 2 * batch);
    const { predictions, skipped, seconds } = await evaluate(compiled, prepared, {
      ...options,
      // One more than there are threads to run them, so that none waits for its next batch.
      inFlight: backend.name === "cpu" ? workers + 1 : 2,
    });
    const published = model.dataset === "imagenet" ? findPublished(model.config) : undefined;
    return makeReport({
      model: model.config.arch,
      kernelNum: model.config.kernelNum,
      weights,
      device: `${backend.name}: ${backend.description}`,
      dataset: dataset.name,
      shard: shard && { ...shard, of: images },
      skipped,
      seconds,
      published: published && { top1: published.top1, top5: published.top5 },
    }, predictions);
  } finally {
    pool.close();
    compiled.dispose();
  }
}
