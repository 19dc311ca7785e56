/**
 * From a data set to inputs of a model: images are read and decoded ahead, and come out in order.
 *
 * @module
 */

import type { Dataset, Sample } from "../data/dataset.ts";
import type { DecodePool } from "../data/decode_pool.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { DataError } from "../errors.ts";
import { mapAhead } from "./map_ahead.ts";

/** An image ready for the model. */
export interface GoodImage extends Sample {
  /** [3, H, W], normalised. */
  readonly input: Float32Array;
  /** None. */
  readonly error?: undefined;
}

/** An image that cannot be read. */
export interface BrokenImage extends Sample {
  /** Why; its message names the file. */
  readonly error: DataError;
}

/** Prepares the images of those indices, `ahead` at a time. Errors other than an image's own are thrown. */
export function prepareImages(
  dataset: Dataset,
  indices: Iterable<number>,
  preprocessing: Preprocessing,
  pool: DecodePool,
  ahead: number,
): AsyncGenerator<GoodImage | BrokenImage> {
  return mapAhead(indices, ahead, async (index) => {
    const sample = dataset.item(index);
    try {
      const image = await dataset.load(index);
      return { ...sample, input: await pool.preprocess(image, preprocessing, sample.file) };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return { ...sample, error };
    }
  });
}
