/**
 * How images are prepared in a training run.
 *
 * @module
 */

import type { Augmentation } from "../data/augment.ts";
import { type Dataset, imageName } from "../data/dataset.ts";
import { CIFAR10, type Preprocessing } from "../data/preprocessing.ts";
import { DataError } from "../errors.ts";
import { checkLabel } from "../evaluation/evaluate.ts";
import type { Model } from "../models/model.ts";
import type { Recipe } from "./options.ts";

/** Of images that are trained on. */
export interface TrainingPreprocessing {
  /** Normalisation; resize and crop where nothing is random. */
  readonly preprocessing: Preprocessing;
  /** Random crops; left out where nothing is random. */
  readonly augmentation?: Omit<Augmentation, "key">;
}

/** Shares of the shorter side that ImageNet's evaluation crops: 224 of 256. */
const RESIZE_OVER_CROP = 256 / 224;

/**
 * Training images of a recipe: random crops and mirror images as torchvision's, padded ones for CIFAR-10's and resized
 * ones for all others; or with `augment: "none"` the middle of the resized image.
 */
export function trainingPreprocessing(
  model: Model,
  { preprocessing: usual }: Pick<Dataset, "preprocessing">,
  { augment, size }: Recipe,
): TrainingPreprocessing {
  const preprocessing = centre(model, size, size);
  if (augment === "none") return { preprocessing };
  return { preprocessing, augmentation: { crop: usual === CIFAR10 ? "padded" : "resized", size } };
}

/**
 * Images that are validated on: prepared as for evaluation, at the recipe's size; with `augment: "none"` as the training
 * images.
 */
export function validationPreprocessing(model: Model, { augment, size }: Recipe): Preprocessing {
  const isWhole = augment === "none" || model.preprocessing.crop === null;
  return centre(model, isWhole ? size : Math.round(size * RESIZE_OVER_CROP), size);
}

function centre({ preprocessing: { mean, std } }: Model, resize: number, crop: number): Preprocessing {
  return { resize, crop, mean, std };
}

/** Throws DataError where two parts of a data set do not have the same classes, or more than a model tells apart. */
export function checkClasses(training: Dataset, validation: Dataset, numClasses: number): void {
  if (training.classes.join("\n") !== validation.classes.join("\n")) {
    throw new DataError(
      `${training.name} has the ${training.classes.length} classes ${
        some(training.classes)
      }, ${validation.name} has the ` +
        `${validation.classes.length} classes ${some(validation.classes)}; both need the same class folders`,
    );
  }
  if (training.numClasses > numClasses) {
    throw new DataError(`${training.name} has ${training.numClasses} classes, the model tells ${numClasses} apart`);
  }
}

/** Throws DataError, naming the first image, if a label of a data set is no class of a model. */
export function checkLabels(dataset: Dataset, numClasses: number): void {
  for (let index = 0; index < dataset.length; index++) {
    checkLabel(imageName(dataset, index), dataset.item(index).label, numClasses);
  }
}

function some(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")}, ...` : names.join(", ");
}
