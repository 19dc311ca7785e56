/**
 * Evaluates a model on a data set and returns a report.
 *
 * @module
 */

import { type Dataset, imageName, type Sample } from "../data/datasets/dataset.ts";
import { DecodePool } from "../data/pool/decode_pool.ts";
import { IMAGENET_NAMES } from "../data/labels/imagenet.ts";
import { DataError } from "../errors.ts";
import type { Backend } from "../graph/backend.ts";
import { usualInference } from "../models/config/inference_config.ts";
import type { CompileOptions, Model } from "../models/model/model.ts";
import { VERSION } from "../models/config/metadata.ts";
import { findPublished } from "../models/architectures/registry.ts";
import { checkLabel, evaluate, type EvaluateOptions, type Evaluation } from "./evaluate.ts";
import type { Prediction } from "./accuracy.ts";
import { type BatchResult, Journal } from "./journal.ts";
import { prepareImages } from "./prepare.ts";
import { makeReport, type Report, reportedInference } from "./report.ts";
import { type Shard, shardRange } from "./shard.ts";

/** Options of measure. */
export interface MeasureOptions extends Pick<EvaluateOptions, "onBroken" | "onProgress" | "onLogits"> {
  /** The file that the model was loaded from, for the report. */
  readonly weights: Report["weights"];
  /** Images per run. A batch has at most 512 MB of pixels. @default the result of usualBatch */
  readonly batch?: number;
  /** Number of threads that decode images. A CPU device runs as many batches at the same time. @default 1 */
  readonly workers?: number;
  /** Use only the first `limit` images. */
  readonly limit?: number;
  /** Use only one shard of the images. */
  readonly shard?: Shard;
  /**
   * File in which the progress is saved after every batch. If it exists, the evaluation continues from it. The result
   * does not depend on how often the program was killed. The caller deletes the file when the report is saved.
   */
  readonly journal?: string;
  /**
   * Called once if a batch does not fit the device: with the number of images per run that does fit, and the reason.
   */
  readonly onSplit?: CompileOptions["onSplit"];
  /** Called with the predictions of every batch after they are saved, starting with those in the journal. */
  readonly onPredictions?: (predictions: readonly Prediction[]) => void;
  /** Called with the number of images in the journal, if there are any. */
  readonly onResume?: (images: number) => void;
}

/** Number of pixels in a batch that keeps a device busy, and largest number of images. */
const USUAL_PIXELS: Readonly<Record<Backend["name"], number>> = { webgpu: 16 * 224 ** 2, cpu: 4 * 224 ** 2 };
const USUAL_IMAGES = 128;

/** Returns the images that the options select: [start, end), out of `images`. Throws DataError if none is selected. */
export function chosenImages(
  dataset: Dataset,
  { limit = Infinity, shard }: Pick<MeasureOptions, "limit" | "shard">,
): { start: number; end: number; images: number } {
  const images = Math.min(limit, dataset.length);
  return { ...shardRange(shard ?? { index: 1, count: 1 }, images), images };
}

/** Largest number of bytes of a batch's pixels. A few batches are in memory at a time. */
const MOST_PIXELS = 2 ** 29;

/** Returns a number of images per run that fits easily and keeps the device busy. */
export function usualBatch({ imageSize }: Model, { name }: Backend): number {
  return Math.min(Math.max(Math.floor(USUAL_PIXELS[name] / imageSize ** 2), 1), USUAL_IMAGES);
}

/** Evaluates a model on a device. Throws what evaluate, compile, the data set and Journal.open throw. */
export async function measure(
  model: Model,
  dataset: Dataset,
  backend: Backend,
  options: MeasureOptions,
): Promise<Report> {
  const { weights, shard } = options;
  const { start, end, images } = chosenImages(dataset, options);
  const most = Math.max(Math.floor(MOST_PIXELS / (4 * 3 * model.imageSize ** 2)), 1);
  const batch = Math.min(options.batch ?? usualBatch(model, backend), most, end - start);
  const indices = Array.from({ length: end - start }, (_, i) => start + i);
  // Labels are checked before the evaluation, not after hours of work.
  for (const index of indices) {
    checkLabel(imageName(dataset, index), dataset.item(index).label, model.config.numClasses);
  }
  const device = `${backend.name}: ${backend.description}`;
  const inference = reportedInference(model.inference);
  const { arch, kernelNum } = model.config;
  const journal = options.journal === undefined ? undefined : await Journal.open(options.journal, {
    journal: VERSION,
    model: JSON.stringify(model.config),
    ...inference,
    mean: inference.mean.join(),
    std: inference.std.join(),
    weights: weights.sha256,
    device,
    dataset: dataset.name,
    start,
    end,
    images,
    batch,
    logits: options.onLogits !== undefined,
  });
  try {
    const { predictions, skipped, seconds } = await evaluateRest(model, dataset, backend, indices, {
      ...options,
      batch,
      journal,
    });
    // On other images, or with another preparation, ImageNet's figures would be misleading.
    const figures = dataset.classes === IMAGENET_NAMES ? findPublished(model.config) : undefined;
    const isUsual = () => JSON.stringify(inference) === JSON.stringify(reportedInference(usualInference(model.config)));
    const published = figures && isUsual() ? figures : undefined;
    return makeReport({
      model: arch,
      kernelNum,
      weights,
      inference,
      device,
      dataset: dataset.name,
      shard: shard && { ...shard, of: images },
      skipped,
      seconds,
      published: published && { top1: published.top1, top5: published.top5 },
    }, predictions);
  } finally {
    journal?.close();
  }
}

/** Returns the batches in the journal, and evaluates the images that it lacks. */
async function evaluateRest(
  model: Model,
  dataset: Dataset,
  backend: Backend,
  indices: readonly number[],
  options: Omit<MeasureOptions, "journal"> & { readonly batch: number; readonly journal?: Journal },
): Promise<Evaluation> {
  const { journal, batch, workers = 1, onProgress, onResume, onLogits, onPredictions, onSplit } = options;
  const before = journal?.done ?? [];
  const { end: done = 0, seconds: past = 0 } = before.at(-1) ?? {};
  checkUnchanged(dataset.name, before, indices.map((index) => dataset.item(index)));
  if (done > 0) onResume?.(done);
  for (const entry of before) replayLogits(entry, model.config.numClasses, onLogits);
  const predictions = before.flatMap((entry) => entry.predictions);
  const skipped = before.flatMap((entry) => entry.skipped);
  if (predictions.length) onPredictions?.(predictions);
  if (done === indices.length) return { predictions, skipped, seconds: past };

  const compiled = await model.compile(backend, { batch, onSplit });
  const pool = new DecodePool(workers);
  const began = performance.now();
  try {
    // Prepare two batches ahead: one that is put together now, and one that the threads work on.
    const prepared = prepareImages(dataset, indices.slice(done), model.preprocessing, pool, 2 * batch);
    const rest = await evaluate(compiled, prepared, {
      ...options,
      // One batch more than threads to run them, so that no thread waits for its next batch.
      inFlight: backend.name === "cpu" ? workers + 1 : 2,
      onProgress: onProgress && ((n) => onProgress(done + n)),
      async onBatch({ logits, end, ...result }) {
        const entry = { ...result, end: done + end, ...(onLogits && { logits }) };
        await journal?.add(entry, past + (performance.now() - began) / 1000);
        onPredictions?.(result.predictions);
      },
    });
    return {
      predictions: [...predictions, ...rest.predictions],
      skipped: [...skipped, ...rest.skipped],
      seconds: past + rest.seconds,
    };
  } finally {
    pool.close();
    compiled.dispose();
  }
}

/** Throws DataError if the images in a journal differ from those of the data set. */
function checkUnchanged(dataset: string, entries: readonly BatchResult[], samples: readonly Sample[]): void {
  let begin = 0;
  for (const { end, predictions, skipped } of entries) {
    const told = [...predictions.map(({ file }) => file), ...skipped].sort();
    const covered = samples.slice(begin, end);
    const there = covered.map(({ file }) => file).sort();
    const other = told.findIndex((file, i) => file !== there[i]);
    if (other >= 0 || told.length !== there.length) {
      throw new DataError(
        `${dataset} has changed since the evaluation was interrupted: ${told[other] ?? "an image"} was among ` +
          `images ${begin} to ${end}; delete the journal to start again`,
      );
    }
    const labels = new Map(covered.map(({ file, label }) => [file, label]));
    const relabelled = predictions.find(({ file, label }) => labels.get(file) !== label);
    if (relabelled) {
      const { file, label } = relabelled;
      throw new DataError(
        `the classes of ${dataset} have changed since the evaluation was interrupted: ${file} was of class ${label}, now ` +
          `${labels.get(file)}; take the same labels, or delete the journal to start again`,
      );
    }
    begin = end;
  }
}

function replayLogits(
  { predictions, logits }: BatchResult,
  numClasses: number,
  onLogits: MeasureOptions["onLogits"],
): void {
  if (!onLogits) return;
  if (logits?.length !== predictions.length * numClasses) {
    throw new DataError("the journal of the interrupted evaluation lacks its logits; delete it to start again");
  }
  predictions.forEach(({ label }, i) => onLogits(logits.subarray(i * numClasses, (i + 1) * numClasses), label));
}
