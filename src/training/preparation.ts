/**
 * How images are prepared in a training run.
 *
 * @module
 */

import type { Augmentation } from "../data/pixels/augment.ts";
import { type Dataset, imageName } from "../data/datasets/dataset.ts";
import { CIFAR10, type Preprocessing } from "../data/pixels/preprocessing.ts";
import { DataError } from "../errors.ts";
import { checkLabel } from "../evaluation/evaluate.ts";
import type { Model } from "../models/model/model.ts";
import type { Recipe } from "./options.ts";

/** Of images that are trained on. */
export interface TrainingPreprocessing {
  /** Normalisation; resize and crop where nothing is random. */
  readonly preprocessing: Preprocessing;
  /** Random crops; left out where nothing is random. */
  readonly augmentation?: Omit<Augmentation, "key">;
}

/**
 * The model of a run: the layers and tensors of `model`, used as its validation uses them. Images have the recipe's size;
 * the shorter side is resized as the model's own is for its size, or with `augment: "none"` as training images are. Classes
 * are called what the data calls them, those that it has none of by their numbers.
 */
export function modelOfRun(model: Model, { classes }: Pick<Dataset, "classes">, { augment, size }: Recipe): Model {
  return model.withInference({
    imageSize: size,
    resize: augment === "none" ? size : undefined,
    classNames: Array.from({ length: model.config.numClasses }, (_, index) => classes[index] ?? String(index)),
    source: "training",
  });
}

/**
 * Training images of a run: random crops and mirror images as torchvision's, padded ones for CIFAR-10's and resized ones
 * for all others; or with `augment: "none"` as those of its validation. `model` is {@link modelOfRun}'s.
 */
export function trainingPreprocessing(
  { preprocessing }: Model,
  { preprocessing: usual }: Pick<Dataset, "preprocessing">,
  { augment, size }: Recipe,
): TrainingPreprocessing {
  if (augment === "none") return { preprocessing };
  const { interpolation } = preprocessing;
  return { preprocessing, augmentation: { crop: usual === CIFAR10 ? "padded" : "resized", size, interpolation } };
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
