/**
 * Evaluates the current weights during training.
 *
 * @module
 */

import type { Dataset } from "../data/datasets/dataset.ts";
import type { DecodePool } from "../data/pool/decode_pool.ts";
import { DataError } from "../errors.ts";
import { type Accuracy, accuracy } from "../evaluation/accuracy.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import { prepareImages } from "../evaluation/prepare.ts";
import type { Backend } from "../graph/backend.ts";
import type { Model } from "../models/model/model.ts";

/** Options of a validation. */
export interface ValidateOptions {
  /** Largest number of images per run. */
  readonly batch: number;
  /**
   * Called for every broken image, which is left out. If this is left out, the first broken image ends the validation.
   */
  readonly onBroken?: (error: DataError) => void;
}

/** Result of a validation. */
export interface Validation extends Accuracy {
  /** Number of broken images. They do not count. */
  readonly skipped: number;
}

/**
 * Returns accuracy and loss of a model on all images of a data set, with the model's own image size and temperature.
 * Throws what compile, evaluate and the data set throw, and DataError if no image can be read.
 */
export async function validate(
  model: Model,
  dataset: Dataset,
  backend: Backend,
  pool: DecodePool,
  { batch, onBroken }: ValidateOptions,
): Promise<Validation> {
  const images = Math.min(batch, dataset.length);
  const compiled = await model.compile(backend, { batch: images });
  try {
    const indices = Array.from({ length: dataset.length }, (_, i) => i);
    const prepared = prepareImages(dataset, indices, model.preprocessing, pool, 2 * images);
    const { predictions, skipped } = await evaluate(compiled, prepared, { onBroken });
    if (!predictions.length) throw new DataError(`${dataset.name}: all of its ${skipped.length} images are broken`);
    return { ...accuracy(predictions), skipped: skipped.length };
  } finally {
    compiled.dispose();
  }
}
