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

/** Options of loadModel. */
export interface LoadOptions extends FindOptions {
  /** Name of the state dict to load if the file has several, such as "state_dict_ema". */
  readonly key?: string;
  /** Called while a URL downloads: with the bytes received, and the total if the server reports it. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /**
   * Called once with the network that was found: its state dict, the tensors that were left out, and `notes`, one line
   * for each choice that the user should know of.
   */
  readonly onFound?: (found: FoundNetwork) => void;
}

/** A custom network: its layers are built by the program. */
export interface CustomNetwork {
  /** Builds the network and returns its root module. The parameters must have the checkpoint's names. */
  readonly build: () => Module;
  /**
   * Height and width of the input images, in pixels. May be left out if the file stores it, as files of saveModel do.
   */
  readonly imageSize?: number;
}

/**
 * Loads a model from a converted file or from any checkpoint that the converter reads.
 *
 * Architecture, kernelNum, reduction and numClasses come from the file's metadata. Without metadata they are inferred
 * from the names and shapes of the tensors. The inference settings (`model.inference`) come from the file's metadata,
 * else from the config.json beside it on the hub, else from the architecture. `model.withInference` overrides them.
 * Tensors are read when the model is compiled. model.close() closes the file.
 *
 * @param source A path, a URL, "hf:owner/repo", a Blob (a file dropped on a page) or bytes.
 * @param config Overrides the file's configuration. If `numClasses` differs from the file's, the classifier gets
 * initial weights, for fine-tuning. With `build`, the weights are loaded into the network that `build` returns.
 * @throws {CheckpointError} if the file cannot be read, does not fit a known architecture or the given network, or has
 * several networks and the options do not select one.
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

/** Loads the weights into a custom network. */
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
 * Returns the inference settings of a checkpoint's model. An ImageNet network with 1000 classes gets ImageNet's class
 * names, unless the checkpoint or the hub's config.json has others. Throws CheckpointError, with the name of the
 * checkpoint or the config.json, if one of them has an invalid setting.
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
