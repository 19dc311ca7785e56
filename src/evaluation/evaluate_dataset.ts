import type { Dataset } from "../data/datasets/dataset.ts";
import { DecodePool } from "../data/pool/decode_pool.ts";
import { DataError } from "../errors.ts";
import type { CompiledModel } from "../models/model/model.ts";
import { type Accuracy, accuracy } from "./accuracy.ts";
import { evaluate, type EvaluateOptions, type Evaluation } from "./evaluate.ts";
import { prepareImages } from "./prepare.ts";

/** How a data set is evaluated. */
export interface EvaluateDatasetOptions extends EvaluateOptions {
  /** Threads that decode images. @default one a core, less one */
  readonly workers?: number;
}

/** The figures of a data set, and the predictions behind them. */
export type DatasetEvaluation = Evaluation & Accuracy;

/** Evaluates a compiled model on all images of a data set: see `evaluate` in src/deno_only.ts, which programs call. */
export async function evaluateDataset(
  network: CompiledModel,
  dataset: Dataset,
  { workers, ...options }: EvaluateDatasetOptions = {},
): Promise<DatasetEvaluation> {
  const indices = Array.from({ length: dataset.length }, (_, i) => i);
  const { model: { preprocessing }, inputShape: [batch] } = network;
  using pool = new DecodePool(workers);
  const images = prepareImages(dataset, indices, preprocessing, pool, 2 * batch);
  const evaluation = await evaluate(network, images, options);
  const { predictions, skipped } = evaluation;
  if (!predictions.length) throw new DataError(`${dataset.name}: all of its ${skipped.length} images are broken`);
  return { ...evaluation, ...accuracy(predictions) };
}
