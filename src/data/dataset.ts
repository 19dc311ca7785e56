/**
 * What the evaluator sees of a data set, and the one function that opens any of them.
 *
 * @module
 */

import { type Cifar10Split, isCifar10Folder, openCifar10 } from "./cifar10.ts";
import { cifar10PackageFolder } from "./cifar10_package.ts";
import type { ModelClasses } from "./class_numbers.ts";
import { openIlsvrcTar } from "./ilsvrc_tar.ts";
import type { RgbImage } from "./image.ts";
import { openImageFolder } from "./image_folder.ts";
import { IMAGENET_NAMES } from "./imagenet.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { someOf } from "./some_of.ts";

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

/** How to open a data set. Each option applies to the kinds of data set it names and is ignored by the others. */
export interface DatasetOptions {
  /** Image folder: a JSON file {"folder": index}; ILSVRC tar: the ground-truth file (required there). */
  readonly labels?: string;
  /** CIFAR-10: which split; "test" unless given. */
  readonly split?: Cifar10Split;
  /** The model that the images are for; left out where it is made for them. Of folders, it decides the classes' numbers. */
  readonly model?: ModelClasses;
}

/**
 * Opens a data set: "cifar10" (from the npm cache), a folder holding CIFAR-10's PNG sheets, an ILSVRC2012 validation
 * tar (a path ending in ".tar", with `labels`), or any other folder as class folders of images. Throws DataError.
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { labels, split, model } = options;
  if (spec === "cifar10") return withDoubt(await openCifar10(await cifar10PackageFolder(), split), model);
  if (spec.toLowerCase().endsWith(".tar")) return withDoubt(await openIlsvrcTar(spec, labels), model);
  if (await isCifar10Folder(spec)) return withDoubt(await openCifar10(spec, split), model);
  return await openImageFolder(spec, options);
}

/** A data set whose classes are what they are, with a warning where the model has others. */
function withDoubt(dataset: Dataset, model?: ModelClasses): Dataset {
  const { name, numClasses, classes } = dataset;
  if (!model || model.adapts) return dataset;
  if (model.numClasses !== numClasses) {
    return { ...dataset, warnings: [`${name}: it has ${numClasses} classes, the model has ${model.numClasses}`] };
  }
  // ImageNet's classes have many names: words, fewer words, WordNet ids.
  if (classes === IMAGENET_NAMES || (model.classNames ?? classes).some((name) => classes.includes(name))) {
    return dataset;
  }
  const warning = `${name}: its classes are ${someOf(classes)}, the model's are ${someOf(model.classNames!)}`;
  return { ...dataset, warnings: [warning] };
}
