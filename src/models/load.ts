import { inFile } from "../checkpoint/in_file.ts";
import { INFERENCE_KEY } from "../checkpoint/inference_key.ts";
import { type Checkpoint, openCheckpoint } from "../checkpoint/open.ts";
import { remap } from "../checkpoint/remap.ts";
import { fromBlob, fromBytes } from "../checkpoint/source.ts";
import { classNames } from "../data/class_names.ts";
import { CheckpointError } from "../errors.ts";
import { decodeHubConfig } from "./hub_config.ts";
import { inferConfig } from "./infer.ts";
import {
  checkClassNames,
  decodeInference,
  type InferenceConfig,
  overrideInference,
  usualInference,
} from "./inference_config.ts";
import { decodeMetadata } from "./metadata.ts";
import { Model } from "./model.ts";
import { buildNetwork, completeConfig, findArchitecture, type ModelConfig } from "./registry.ts";

/** How loadModel loads. */
export interface LoadOptions {
  /** Called while a URL downloads, with the bytes that are there, and in all where the server says. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/**
 * Loads a model from a converted file or from any checkpoint that the converter reads: a path, a URL, "hf:owner/repo", a
 * Blob (a file dropped on a page) or bytes. Architecture, kernelNum, reduction and classes come from the file's metadata,
 * else from its tensors' names and shapes; `config` overrides. How the model is used (`model.inference`) comes from the
 * file's metadata, else from the config.json beside it on the hub, else from its architecture; `model.withInference`
 * overrides. Tensors are read when the model is compiled; model.close() lets go of the file.
 *
 * Throws CheckpointError where the file cannot be read or does not fit a known architecture.
 */
export async function loadModel(
  source: string | URL | Blob | Uint8Array<ArrayBuffer>,
  config: Partial<ModelConfig> = {},
  { onProgress }: LoadOptions = {},
): Promise<Model> {
  const checkpoint = await openCheckpoint(
    source instanceof Blob
      ? fromBlob(source instanceof File ? source.name : "the given file", source)
      : source instanceof Uint8Array
      ? fromBytes("the given bytes", source)
      : String(source),
    { onProgress: (_, done, total) => onProgress?.(done, total) },
  );
  try {
    const full = configOf(checkpoint, config);
    const inference = await inferenceOf(checkpoint, full);
    const model = new Model(full, buildNetwork(full), () => checkpoint.close(), inference);
    model.loadStateDict(remap(checkpoint.tensors, model.stateDictSpec(), checkpoint.name));
    return model;
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/**
 * What a checkpoint is of: what its metadata says, else what its tensors look like; `given` overrides. Throws
 * CheckpointError, naming the checkpoint, where nothing tells the architecture.
 */
export function configOf(
  { name, metadata, tensors }: Pick<Checkpoint, "name" | "metadata" | "tensors">,
  given: Partial<ModelConfig> = {},
): ModelConfig {
  try {
    return { ...(decodeMetadata(metadata) ?? inferConfig(tensors)), ...given };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const { arch } = given;
    if (arch !== undefined) return { ...given, arch };
    throw new CheckpointError(`${name}: ${error.message}`);
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
