/**
 * What the evaluator and the trainer see of a data set.
 *
 * @module
 */

import type { RgbImage } from "../pixels/image.ts";
import type { Preprocessing } from "../pixels/preprocessing.ts";

/** One image's name and class. */
export interface Sample {
  /** The image's name within the data set, with "/" between folders: what reports print. */
  readonly file: string;
  /** The class index, 0 or more. */
  readonly label: number;
}

/** Labelled images by index. Opening one reads names and labels only; images are read when asked for. */
export interface Dataset {
  /** The data set's name, for reports: "cifar10 (test)", or the path it was opened from. */
  readonly name: string;
  /** Class names by index: classes[label] is what a person reads. */
  readonly classes: readonly string[];
  /** How many classes a model for this data set has: `classes.length`. */
  readonly numClasses: number;
  /** How many images there are. */
  readonly length: number;
  /** What a person should know of how it was read, a line each, such as what was left out. None where left out. */
  readonly notes?: readonly string[];
  /** What speaks against these being the model's images, a line each. None where left out. */
  readonly warnings?: readonly string[];
  /** The preprocessing this data set's models are evaluated with, unless the weights file says otherwise. */
  readonly preprocessing: Preprocessing;
  /** The name and class of image `index`, 0 <= index < length. */
  item(index: number): Sample;
  /** The whole path of image `index`; left out where images are no files of their own. */
  path?(index: number): string;
  /** Image `index`: an encoded file's bytes, or pixels where the set is stored decoded. Throws DataError. */
  load(index: number): Promise<Uint8Array<ArrayBuffer> | RgbImage>;
  /** Releases the files held open. */
  close(): void;
}

/** What errors call an image: its whole path if it is a file, else the data set's name and its own. */
export function imageName(dataset: Dataset, index: number): string {
  return dataset.path?.(index) ?? `${dataset.name}: ${dataset.item(index).file}`;
}
