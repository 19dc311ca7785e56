import { ArgumentError } from "../errors.ts";
import { inFile } from "../checkpoint/source/in_file.ts";
import { INFERENCE_KEY } from "../checkpoint/tensors/inference_key.ts";
import { type Checkpoint, openCheckpoint } from "../checkpoint/open.ts";
import { fromBlob, fromBytes } from "../checkpoint/source/source.ts";
import { classNames } from "../data/labels/class_names.ts";
import type { Module } from "../nn/module.ts";
import { findNetwork, type FindOptions, type FoundNetwork } from "./find/find_network.ts";
import { decodeHubConfig } from "./config/hub_config.ts";
import { finetuned } from "./finetuned.ts";
import {
  checkClassNames,
  customInference,
  decodeInference,
  type InferenceConfig,
  overrideInference,
  usualInference,
} from "./config/inference_config.ts";
import { classesOf, Model } from "./model/model.ts";
import { buildNetwork, completeConfig, CUSTOM, findArchitecture, type ModelConfig } from "./architectures/registry.ts";

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

/** A network of no registered architecture: layers that only the program has. */
export interface CustomNetwork {
  /** Makes the network whose weights are loaded: its root module, with PyTorch's names. */
  readonly build: () => Module;
  /** Height and width of its images, in pixels; left out if the file says it, as files of saveModel do. */
  readonly imageSize?: number;
}

/**
 * Loads a model from a converted file or from any checkpoint that the converter reads.
 *
 * Architecture, kernelNum, reduction and classes come from the file's metadata, else from its tensors' names and shapes.
 * How the model is used (`model.inference`) comes from the file's metadata, else from the config.json beside it on the hub,
 * else from its architecture; `model.withInference` overrides it. Tensors are read when the model is compiled;
 * model.close() lets go of the file.
 *
 * @param source A path, a URL, "hf:owner/repo", a Blob (a file dropped on a page) or bytes.
 * @param config Overrides what the file says. With another `numClasses` than the file's, the classifier begins anew: to
 * fine-tune the rest. With `build`, the weights are those of a network that the program builds.
 * @throws {CheckpointError} if the file cannot be read, does not fit a known architecture or the network, or holds several
 * networks and nothing says which one is meant.
 *
 * @example
 * ```ts
 * import { loadModel } from "@odconv/odconv";
 *
 * using model = await loadModel("weights/od_resnet20_cifar10.safetensors");
 * using flowers = await loadModel("weights/od_resnet20_cifar10.safetensors", { numClasses: 5 }); // to be fine-tuned
 * console.log(model.config.numClasses, flowers.config.numClasses); // 10 5
 * ```
 */
export async function loadModel(
  source: string | URL | Blob | Uint8Array<ArrayBuffer>,
  config: Partial<ModelConfig> | CustomNetwork = {},
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
    if ("build" in config) return loadCustom(checkpoint, config, prefix);
    const { numClasses, ...given } = config;
    const found = findNetwork(checkpoint, given, { prefix });
    const inference = await inferenceOf(checkpoint, found.config);
    const model = new Model(found.config, buildNetwork(found.config), () => checkpoint.close(), inference);
    model.loadStateDict(found.tensors);
    const fresh = numClasses !== undefined && numClasses !== found.config.numClasses;
    const note =
      `the classifier begins anew: ${numClasses} classes were asked for, the file has ${found.config.numClasses}`;
    onFound?.(fresh ? { ...found, notes: [...found.notes, note] } : found);
    return fresh ? finetuned(model, { numClasses }) : model;
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/** Loads the weights of a network that the program builds. */
function loadCustom(checkpoint: Checkpoint, { build, imageSize }: CustomNetwork, prefix = ""): Model {
  const { name, metadata, tensors } = checkpoint;
  const network = build();
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  network.loadStateDict(new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor])), name);
  const text = metadata[INFERENCE_KEY];
  if (text === undefined && imageSize === undefined) {
    throw new ArgumentError(
      `${name} does not say the size of its images: loadModel takes { build, imageSize }, in pixels`,
    );
  }
  const usual = customInference(imageSize ?? 1);
  let inference = inFile(name, () => decodeInference(text, usual));
  if (imageSize !== undefined) inference = overrideInference(inference, { imageSize });
  const numClasses = classesOf(network, inference.imageSize);
  return new Model({ arch: CUSTOM, numClasses }, network, () => checkpoint.close(), inference);
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
  let inference = inFile(name, () => decodeInference(text, usualInference(config)));
  if (hub) inference = overrideInference(inference, decodeHubConfig(hub));
  if (inference.classNames === undefined && classes && complete.numClasses === numClasses) {
    return { ...inference, classNames: await classNames(classes) };
  }
  inFile(hub?.name ?? name, () => checkClassNames(inference, complete));
  return inference;
}
