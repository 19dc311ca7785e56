/**
 * Opens the two data sets of a training run.
 *
 * @module
 */

import { isCifar10Folder } from "../../src/data/datasets/cifar10.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { type DatasetOptions, openDataset } from "../../src/data/datasets/open.ts";
import { parentOf } from "../../src/data/datasets/folder_hints.ts";
import { foldersIn } from "../../src/data/datasets/folder_walk.ts";
import { DataError } from "../../src/errors.ts";
import { UsageError } from "./command.ts";

/** The training images and the validation images. */
export interface TrainingData {
  readonly training: Dataset;
  readonly validation: Dataset;
}

/**
 * Opens CIFAR-10, or the folders train/ and val/ in `data`. Throws DataError; the message names the folder that may be
 * meant.
 */
export async function openTrainingData(data: string, options: DatasetOptions): Promise<TrainingData> {
  if (data === "cifar10" || await isCifar10Folder(data)) {
    if (options.labels !== undefined) {
      throw new UsageError("--labels is for class folders; CIFAR-10 has its own classes");
    }
    const [training, validation] = [await openDataset(data, { split: "train" }), await openDataset(data)];
    return { training, validation };
  }
  await checkParts(data);
  return {
    training: await openDataset(`${data}/train`, options),
    validation: await openDataset(`${data}/val`, options),
  };
}

/** Other common names of the validation folder. */
const OTHER_NAMES = ["valid", "validation", "test"];

async function checkParts(data: string): Promise<void> {
  const missing: string[] = [];
  for (const part of ["train", "val"]) if (!await isFolder(`${data}/${part}`)) missing.push(part);
  if (!missing.length || !await isFolder(data)) return;
  throw new DataError(
    `${data}: expected the folders train and val in it, found ${
      missing.length > 1 ? "neither" : `no ${missing[0]}`
    }; ` +
      await remedy(data, missing),
  );
}

async function remedy(data: string, missing: readonly string[]): Promise<string> {
  if (missing.join() === "val") {
    for (const name of OTHER_NAMES) if (await isFolder(`${data}/${name}`)) return `rename ${data}/${name} to val`;
  }
  if (missing.length > 1) {
    const below = (await foldersIn(data)).map((name) => `${data}/${name}`);
    for (const folder of [await parentOf(data) ?? "", ...below]) {
      if (await isFolder(`${folder}/train`) && await isFolder(`${folder}/val`)) {
        return `is ${folder} meant, which has both?`;
      }
    }
  }
  return "each holds one folder a class";
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}
