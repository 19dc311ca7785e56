/**
 * The interface of a data set for the evaluator and the trainer.
 *
 * @module
 */

import type { RgbImage } from "../pixels/image.ts";
import type { Preprocessing } from "../pixels/preprocessing.ts";

/** The name and class of one image. */
export interface Sample {
  /** The image's name in the data set, with "/" between folders, as reports print it. */
  readonly file: string;
  /** The class index, 0 or more. */
  readonly label: number;
}

/** Labelled images by index. Opening a data set reads only names and labels. Images are read on demand. */
export interface Dataset {
  /** The data set's name for reports: "cifar10 (test)", or the path it was opened from. */
  readonly name: string;
  /** The name of each class, by index. Reports and messages print these names. */
  readonly classes: readonly string[];
  /** The number of classes, equal to `classes.length`. */
  readonly numClasses: number;
  /** The number of images. */
  readonly length: number;
  /**
   * Notes for the user on how the data set was read, one per line, for example what was skipped. Undefined means none.
   */
  readonly notes?: readonly string[];
  /** Reasons to doubt that these images fit the model, one per line. Undefined means none. */
  readonly warnings?: readonly string[];
  /** The preprocessing for evaluating models of this data set, unless the weights file has its own. */
  readonly preprocessing: Preprocessing;
  /** Returns the name and class of image `index`, 0 <= index < length. */
  item(index: number): Sample;
  /** Returns the full path of image `index`. Missing if the images are not separate files. */
  path?(index: number): string;
  /**
   * Loads image `index`: the bytes of an encoded file, or pixels if the data set stores decoded images. Throws
   * DataError.
   */
  load(index: number): Promise<Uint8Array<ArrayBuffer> | RgbImage>;
  /** Closes the open files. */
  close(): void;
}

/**
 * Returns the name of an image for errors: its full path if it is a file, else the data set's name and the image's
 * name.
 */
export function imageName(dataset: Dataset, index: number): string {
  return dataset.path?.(index) ?? `${dataset.name}: ${dataset.item(index).file}`;
}
