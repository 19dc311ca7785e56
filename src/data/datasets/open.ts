/**
 * Opens any kind of data set.
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

/** Options for opening a data set. Each option applies only to the kinds of data set that it names. */
export interface DatasetOptions {
  /**
   * For an image folder: a JSON file {"folder": index}. For an ILSVRC tar: the ground-truth file, which is required.
   */
  readonly labels?: string;
  /**
   * For CIFAR-10: the split.
   * @default "test"
   */
  readonly split?: Cifar10Split;
  /**
   * The model that will use the images. Leave it out if the model is made for this data set. For folders, it decides
   * the class numbers.
   */
  readonly model?: ModelClasses;
}

/**
 * Opens a data set.
 *
 * @param spec One of: "cifar10" (from the npm cache), a folder with CIFAR-10's PNG sheets, an ILSVRC-2012 validation
 * tar (a path ending in ".tar", with `labels`), or a folder of class folders of images
 * @throws {DataError} if the data set cannot be read or its classes do not fit the model
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { labels, split, model } = options;
  if (spec === "cifar10") return withDoubt(await openCifar10(await cifar10PackageFolder(), split), model);
  if (spec.toLowerCase().endsWith(".tar")) return withDoubt(await openIlsvrcTar(spec, labels), model);
  if (await isCifar10Folder(spec)) return withDoubt(await openCifar10(spec, split), model);
  return await openImageFolder(spec, options);
}

/** Returns a data set with fixed classes, with a warning if the model has other classes. */
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
