/**
 * Checkpoints of a run. NAME.safetensors holds the weights, as any converted file does. NAME.state.safetensors beside
 * it holds everything that is needed to resume: the weights in training, the optimizer's state and the position in the
 * run (see src/checkpoint/training/state.ts).
 *
 * Each file is complete in itself and is replaced in one operation, the state first. A resumed run reads only the
 * state, and first writes the weights that belong to it. So a run that was killed between the two files ends with a
 * matching pair. "step" in both files tells whether they match.
 *
 * @module
 */

import { inFile } from "../checkpoint/source/in_file.ts";
import { INFERENCE_KEY } from "../checkpoint/tensors/inference_key.ts";
import { openCheckpoint } from "../checkpoint/open.ts";
import { remap } from "../checkpoint/remapping/remap.ts";
import { toFloat32 } from "../checkpoint/tensors/float32.ts";
import type { StateDict, Tensor } from "../checkpoint/tensors/state_dict.ts";
import { decodeProgress, encodeTrainingState } from "../checkpoint/training/state.ts";
import { writeSafetensors } from "../checkpoint/write/safetensors.ts";
import { CheckpointError } from "../errors.ts";
import { customInference, decodeInference, usualInference } from "../models/config/inference_config.ts";
import { decodeMetadata, encodeMetadata } from "../models/config/metadata.ts";
import { createModel, type Model } from "../models/model/model.ts";
import type { Module } from "../nn/module.ts";
import { optimizerSettings, parseRecipe, type Recipe } from "./options.ts";
import { stateName } from "./optimizer.ts";
import { TrainingMemory } from "./trainer.ts";

/** Sums over the steps of an epoch that are done. */
export interface EpochSums {
  /** Number of images trained on. */
  readonly images: number;
  /** Sum of their losses. */
  readonly loss: number;
  /** Number of broken images that were replaced by others. */
  readonly skipped: number;
  /** Number of images whose highest-scored class was right. */
  readonly top1: number;
  /** Number of images whose class was among the five highest-scored. */
  readonly top5: number;
}

/** The state of a run. */
export interface RunState {
  /** The recipe. Together with the data and the initial weights it determines the result. */
  readonly recipe: Recipe;
  /** The counters and the optimizer's tensors. */
  readonly memory: TrainingMemory;
  /** Number of epochs whose steps are done. The last of them may not be validated yet. */
  readonly epoch: number;
  /** Learning rate of the last step. */
  readonly learningRate: number;
  /** Best top-1 accuracy of a validation so far, in percent. 0 before the first validation. */
  readonly best: number;
  /** Sums of the epoch that is not finished or not validated yet. */
  readonly sums: EpochSums;
  /** The user's name for the training images. */
  readonly data: string;
  /** Number of training images. A run can only be resumed with the same number. */
  readonly trainingImages: number;
}

/** Name of the state that holds the averages of the weights in a training memory. */
const AVERAGE = "average";

/**
 * Writes FOLDER/NAME.safetensors and FOLDER/NAME.state.safetensors. The former holds the averaged weights if the run
 * keeps averages. The model and the memory must be synchronised.
 */
export async function saveCheckpoint(folder: string, name: string, model: Model, state: RunState): Promise<void> {
  const { recipe, memory, epoch, learningRate, best, sums, data, trainingImages } = state;
  const tensors = model.stateDict();
  const remembered = [...memory.tensors].map(([key, data]): [string, Tensor] => {
    const { shape } = tensors.get(key.slice(0, key.lastIndexOf("/")))!;
    return [key, { dtype: "F32", shape, read: () => Promise.resolve(new Uint8Array(data.buffer)) }];
  });
  await writeSafetensors(`${folder}/${name}.state.safetensors`, new Map([...tensors, ...remembered]), {
    ...describe(model),
    ...encodeTrainingState(
      { epoch, step: memory.updates, bestAccuracy: best },
      optimizerSettings(recipe, learningRate),
    ),
    passes: String(memory.passes),
    recipe: JSON.stringify(recipe),
    epoch_sums: JSON.stringify(sums),
    data,
    training_images: String(trainingImages),
  });
  await saveWeights(folder, name, model, state);
}

/** Writes FOLDER/NAME.safetensors, as saveCheckpoint does. */
export async function saveWeights(
  folder: string,
  name: string,
  model: Model,
  { memory }: Pick<RunState, "memory">,
): Promise<void> {
  const metadata = { ...describe(model), step: String(memory.updates) };
  await writeSafetensors(`${folder}/${name}.safetensors`, averaged(model, memory), metadata);
}

function describe(model: Model): Record<string, string> {
  return encodeMetadata(model.config, { source: "training", sha256: "" }, model.inference);
}

/** Returns the model's tensors, with averages in place of the values that have one. */
export function averaged(model: Model, memory: TrainingMemory): StateDict {
  return new Map([...model.stateDict()].map(([name, tensor]) => {
    const data = memory.tensors.get(stateName(name, AVERAGE));
    return [name, data ? { ...tensor, read: () => Promise.resolve(new Uint8Array(data.buffer)) } : tensor];
  }));
}

/**
 * Reads FOLDER/last.state.safetensors.
 *
 * @param build Makes the network of a custom model.
 * @throws {CheckpointError} if the file is missing or damaged, or is not a run's state.
 */
export async function loadCheckpoint(
  folder: string,
  build?: () => Module,
): Promise<{ model: Model; state: RunState }> {
  const path = `${folder}/last.state.safetensors`;
  const { tensors, metadata, close } = await openCheckpoint(path);
  try {
    const recipe = parseRecipe(metadata.recipe, path);
    const model = inFile(path, () => build ? customModel(metadata, build()) : registeredModel(metadata));
    const own = new Set(model.stateDictSpec().map(({ name }) => name));
    const weights = await inMemory([...tensors].filter(([name]) => own.has(name)));
    model.loadStateDict(remap(weights, model.stateDictSpec(), path));
    const { epoch, step, bestAccuracy: best } = decodeProgress(metadata, path);
    const memory = new TrainingMemory();
    memory.updates = step;
    memory.passes = count(metadata, "passes", path);
    for (const [key, tensor] of tensors) {
      if (own.has(key)) continue;
      if (tensors.get(key.slice(0, key.lastIndexOf("/")))?.shape.join() !== tensor.shape.join()) {
        throw new CheckpointError(`${path}: not a training state: its tensor ${key} belongs to no parameter`);
      }
      memory.tensors.set(key, await toFloat32(tensor));
    }
    const state: RunState = {
      recipe,
      memory,
      epoch,
      // Not used when the run is resumed: the recipe gives the next learning rate.
      learningRate: recipe.lr,
      best,
      sums: parseSums(metadata.epoch_sums, path),
      data: metadata.data ?? "",
      trainingImages: count(metadata, "training_images", path),
    };
    return { model, state };
  } finally {
    close();
  }
}

/** Returns the model that the metadata describes completely. Throws CheckpointError if it does not. */
function registeredModel(metadata: Readonly<Record<string, string>>): Model {
  const config = decodeMetadata(metadata);
  if (!config) throw new CheckpointError("not a training state: its metadata names no architecture");
  return createModel(config, decodeInference(metadata[INFERENCE_KEY], usualInference(config)));
}

function customModel(metadata: Readonly<Record<string, string>>, network: Module): Model {
  return createModel(network, decodeInference(metadata[INFERENCE_KEY], customInference(1)));
}

/** Returns the tensors, read into memory. */
async function inMemory(tensors: [string, Tensor][]): Promise<StateDict> {
  const loaded = tensors.map(async ([name, { dtype, shape, read }]): Promise<[string, Tensor]> => {
    const bytes = await read();
    return [name, { dtype, shape, read: () => Promise.resolve(bytes) }];
  });
  return new Map(await Promise.all(loaded));
}

function count(metadata: Readonly<Record<string, string>>, key: string, path: string): number {
  const value = Number(metadata[key]);
  if (Number.isSafeInteger(value) && value >= 0 && metadata[key]) return value;
  throw new CheckpointError(`${path}: not a training state: its ${key} is ${JSON.stringify(metadata[key])}`);
}

function parseSums(text: string | undefined, path: string): EpochSums {
  const fail = () => new CheckpointError(`${path}: not a training state: its epoch_sums are ${text}`);
  try {
    // State files from before broken images could be skipped have no "skipped".
    const sums = { skipped: 0, ...JSON.parse(text ?? "") };
    if (["images", "loss", "top1", "top5", "skipped"].every((key) => Number.isFinite(sums[key]))) return sums;
  } catch {
    throw fail();
  }
  throw fail();
}
