import { CheckpointError } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../checkpoint/open.ts";
import { remap } from "../checkpoint/remap.ts";
import { fromBlob, fromBytes } from "../checkpoint/source.ts";
import { inferConfig } from "./infer.ts";
import { decodeMetadata } from "./metadata.ts";
import { Model } from "./model.ts";
import { buildNetwork, type ModelConfig } from "./registry.ts";

/** How loadModel loads. */
export interface LoadOptions {
  /** Called while a URL downloads, with the bytes that are there, and in all where the server says. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/**
 * Loads a model from a converted file or from any checkpoint that the converter reads: a path, a URL, "hf:owner/repo", a
 * Blob (a file dropped on a page) or bytes. Architecture, kernelNum, reduction and classes come from the file's metadata,
 * else from its tensors' names and shapes; `config` overrides. Tensors are read when the model is compiled; model.close()
 * lets go of the file.
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
    const model = new Model(full, buildNetwork(full), () => checkpoint.close());
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
