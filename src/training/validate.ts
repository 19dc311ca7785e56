/**
 * How good the weights of the moment are.
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

/** How validation goes about it. */
export interface ValidateOptions {
  /** Most images a run. */
  readonly batch: number;
  /** Called with every broken image, which is left out; if left out, the first ends the validation. */
  readonly onBroken?: (error: DataError) => void;
}

/** What a validation answers. */
export interface Validation extends Accuracy {
  /** Broken images, which count for nothing. */
  readonly skipped: number;
}

/**
 * Accuracy and loss of a model on all images of a data set, used as it says: of its size, at its temperature. Throws what
 * compile, evaluate and the data set throw, and DataError if no image can be read.
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
