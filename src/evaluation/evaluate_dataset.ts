import type { Dataset } from "../data/datasets/dataset.ts";
import { DecodePool } from "../data/pool/decode_pool.ts";
import { DataError } from "../errors.ts";
import type { CompiledModel } from "../models/model/model.ts";
import { type Accuracy, accuracy } from "./accuracy.ts";
import { evaluate, type EvaluateOptions, type Evaluation } from "./evaluate.ts";
import { prepareImages } from "./prepare.ts";

/** Options of an evaluation of a data set. */
export interface EvaluateDatasetOptions extends EvaluateOptions {
  /** Number of threads that decode images. @default one per core, less one */
  readonly workers?: number;
}

/** Accuracy and loss on a data set, with the predictions. */
export type DatasetEvaluation = Evaluation & Accuracy;

/**
 * Evaluates a compiled model on all images of a data set. Programs call `evaluate` in src/deno_only.ts, which describes
 * it.
 */
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
