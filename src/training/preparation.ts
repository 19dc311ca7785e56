/**
 * How a training run prepares its images.
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

/** Preparation of the training images. */
export interface TrainingPreprocessing {
  /** Normalisation; also resize and crop if there is no augmentation. */
  readonly preprocessing: Preprocessing;
  /** Random crops. Left out if there is no augmentation. */
  readonly augmentation?: Omit<Augmentation, "key">;
}

/**
 * Returns the model of a run: the layers and tensors of `model`, with the inference settings of the run's validation.
 * Images have the recipe's size. The resize keeps the model's ratio of shorter side to image size, or with
 * `augment: "none"` resizes the shorter side to the image size. Class names come from the data. A class without a name
 * gets its number.
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
 * Returns how training images are prepared: with random crops and mirror images as in torchvision, padded crops for
 * CIFAR-10 and resized crops for all other data; or with `augment: "none"` as in validation. `model` must come from
 * {@link modelOfRun}.
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

/** Throws DataError if the two data sets have different classes, or more classes than the model. */
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

/** Throws DataError, with the name of the first such image, if a label is not a class of the model. */
export function checkLabels(dataset: Dataset, numClasses: number): void {
  for (let index = 0; index < dataset.length; index++) {
    checkLabel(imageName(dataset, index), dataset.item(index).label, numClasses);
  }
}

function some(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")}, ...` : names.join(", ");
}
