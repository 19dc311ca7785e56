import { inFile } from "../checkpoint/source/in_file.ts";
import { INFERENCE_KEY } from "../checkpoint/tensors/inference_key.ts";
import { type Checkpoint, openCheckpoint } from "../checkpoint/open.ts";
import { fromBlob, fromBytes } from "../checkpoint/source/source.ts";
import { classNames } from "../data/labels/class_names.ts";
import { findNetwork, type FindOptions, type FoundNetwork } from "./find/find_network.ts";
import { decodeHubConfig } from "./config/hub_config.ts";
import {
  checkClassNames,
  decodeInference,
  type InferenceConfig,
  overrideInference,
} from "./config/inference_config.ts";
import { Model } from "./model/model.ts";
import { buildNetwork, completeConfig, findArchitecture, type ModelConfig } from "./architectures/registry.ts";

/** How loadModel loads. */
export interface LoadOptions extends FindOptions {
  /** The state dict to take where the file holds several ("state_dict_ema"). */
  readonly key?: string;
  /** Called while a URL downloads, with the bytes that are there, and in all where the server says. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /**
   * Called once with what was found in the file: which of its state dicts, what was left out, and in `notes` a line for every
   * choice that a person should know of.
   */
  readonly onFound?: (found: FoundNetwork) => void;
}

/**
 * Loads a model from a converted file or from any checkpoint that the converter reads: a path, a URL, "hf:owner/repo", a
 * Blob (a file dropped on a page) or bytes. Architecture, kernelNum, reduction and classes come from the file's metadata,
 * else from its tensors' names and shapes; `config` overrides. How the model is used (`model.inference`) comes from the
 * file's metadata, else from the config.json beside it on the hub, else from its architecture; `model.withInference`
 * overrides. Tensors are read when the model is compiled; model.close() lets go of the file.
 *
 * Throws CheckpointError where the file cannot be read, does not fit a known architecture, or holds several networks of which
 * nothing says which one is meant.
 */
export async function loadModel(
  source: string | URL | Blob | Uint8Array<ArrayBuffer>,
  config: Partial<ModelConfig> = {},
  { key, prefix, onProgress, onFound }: LoadOptions = {},
): Promise<Model> {
  const checkpoint = await openCheckpoint(
    source instanceof Blob
      ? fromBlob(source instanceof File ? source.name : "the given file", source)
      : source instanceof Uint8Array
      ? fromBytes("the given bytes", source)
      : String(source),
    { key, onProgress: (_, done, total) => onProgress?.(done, total) },
  );
  try {
    const found = findNetwork(checkpoint, config, { prefix });
    onFound?.(found);
    const inference = await inferenceOf(checkpoint, found.config);
    const model = new Model(found.config, buildNetwork(found.config), () => checkpoint.close(), inference);
    model.loadStateDict(found.tensors);
    return model;
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/**
 * How the model of a checkpoint is used. The classes of an ImageNet network with 1000 of them are ImageNet's, unless
 * something says otherwise. Throws CheckpointError, naming the checkpoint or the config.json beside it on the hub, where
 * one of them says what cannot be.
 */
export async function inferenceOf(
  { name, metadata, config: hubConfig }: Pick<Checkpoint, "name" | "metadata" | "config">,
  config: ModelConfig,
): Promise<InferenceConfig> {
  const complete = completeConfig(config);
  const { classes, numClasses } = findArchitecture(config.arch);
  const text = metadata[INFERENCE_KEY];
  const hub = text === undefined ? await hubConfig() : undefined;
  let inference = inFile(name, () => decodeInference(text, config));
  if (hub) inference = overrideInference(inference, decodeHubConfig(hub));
  if (inference.classNames === undefined && classes && complete.numClasses === numClasses) {
    return { ...inference, classNames: await classNames(classes) };
  }
  inFile(hub?.name ?? name, () => checkClassNames(inference, complete));
  return inference;
}
