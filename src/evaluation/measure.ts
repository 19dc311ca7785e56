/**
 * A model, a data set and a device in, a report out.
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

/** How measure goes about it. */
export interface MeasureOptions extends Pick<EvaluateOptions, "onBroken" | "onProgress" | "onLogits"> {
  /** The file that the model was loaded from, for the report. */
  readonly weights: Report["weights"];
  /** Images a run, of at most 512 MB in all; {@link usualBatch} where left out. */
  readonly batch?: number;
  /** Threads that decode; 1 if left out. On a CPU device as many batches run side by side. */
  readonly workers?: number;
  /** Only the first so many images. */
  readonly limit?: number;
  /** Only a part of them. */
  readonly shard?: Shard;
  /**
   * A file to keep what is done in after every batch, and to go on from if it is there: the answer is the same however often
   * the program is killed on the way. The caller removes it when the report is safe.
   */
  readonly journal?: string;
  /** Called once where a batch does not fit the device, with the images that it takes at a time instead, and the reason. */
  readonly onSplit?: CompileOptions["onSplit"];
  /** Called with the predictions of every batch when they are safe, those of the journal first. */
  readonly onPredictions?: (predictions: readonly Prediction[]) => void;
  /** Called with the number of images that the journal holds, if it holds any. */
  readonly onResume?: (images: number) => void;
}

/** Pixels of a batch that keep a device busy, and most images of one. */
const USUAL_PIXELS: Readonly<Record<Backend["name"], number>> = { webgpu: 16 * 224 ** 2, cpu: 4 * 224 ** 2 };
const USUAL_IMAGES = 128;

/** Which images of a data set the options choose: [start, end), out of `images`. Throws DataError where that is none. */
export function chosenImages(
  dataset: Dataset,
  { limit = Infinity, shard }: Pick<MeasureOptions, "limit" | "shard">,
): { start: number; end: number; images: number } {
  const images = Math.min(limit, dataset.length);
  return { ...shardRange(shard ?? { index: 1, count: 1 }, images), images };
}

/** Bytes of the pixels of a batch: a few batches are in memory at a time. */
const MOST_PIXELS = 2 ** 29;

/** Images a run that fit comfortably and keep the device busy. */
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
  // Before the work begins, not after hours of it.
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
    // On images of another kind, or prepared in another way, ImageNet's figures would mislead.
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

/** What the journal holds, and an evaluation of the images that it does not. */
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
    // Two batches ahead: one that is being put together, and one for the threads to go on with meanwhile.
    const prepared = prepareImages(dataset, indices.slice(done), model.preprocessing, pool, 2 * batch);
    const rest = await evaluate(compiled, prepared, {
      ...options,
      // One more than there are threads to run them, so that none waits for its next batch.
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

/** Throws DataError where the images that a journal tells of are not those of the data set. */
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
