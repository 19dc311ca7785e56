/**
 * From a data set to inputs of a model: images are read and decoded ahead, and come out in order.
 *
 * @module
 */

import { type Dataset, imageName, type Sample } from "../data/datasets/dataset.ts";
import type { DecodePool } from "../data/pool/decode_pool.ts";
import type { Preprocessing } from "../data/pixels/preprocessing.ts";
import { DataError } from "../errors.ts";
import type { ImageTensor } from "../image_tensor.ts";
import { mapAhead } from "../map_ahead.ts";

/** An image of a data set. */
interface NamedSample extends Sample {
  /** What errors call it: its whole path. */
  readonly name: string;
}

/** An image ready for the model. */
export interface GoodImage extends NamedSample {
  /** [3, H, W], normalised. */
  readonly input: ImageTensor;
  /** None. */
  readonly error?: undefined;
}

/** An image that cannot be read. */
export interface BrokenImage extends NamedSample {
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
    const sample = { ...dataset.item(index), name: imageName(dataset, index) };
    try {
      const image = await dataset.load(index);
      return { ...sample, input: await pool.preprocess(image, preprocessing, sample.name) };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return { ...sample, error };
    }
  });
}
