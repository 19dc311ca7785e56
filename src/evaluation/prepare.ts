/**
 * Prepares a data set's images for a model. Images are read and decoded ahead of time and returned in order.
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
  /** The image's name in error messages: its whole path. */
  readonly name: string;
}

/** An image that is ready for the model. */
export interface GoodImage extends NamedSample {
  /** Normalised pixels, [3, H, W]. */
  readonly input: ImageTensor;
  /** A good image has no error. */
  readonly error?: undefined;
}

/** An image that cannot be read. */
export interface BrokenImage extends NamedSample {
  /** The reason. Its message has the file's name. */
  readonly error: DataError;
}

/** Prepares the images with these indices, `ahead` at a time. Errors that do not concern a single image are thrown. */
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
