/**
 * Metadata of converted files, in safetensors' `__metadata__` (strings only).
 *
 * @module
 */

import { INFERENCE_KEY } from "../../checkpoint/tensors/inference_key.ts";
import { CheckpointError } from "../../errors.ts";
import { encodeInference, type InferenceConfig, MAX_CLASSES, usualInference } from "./inference_config.ts";
import { completeConfig, CUSTOM, findArchitecture, type ModelConfig } from "../architectures/registry.ts";

/** The version that is written to converted files. */
export const VERSION = "0.1.0";

/** Name of this converter, before its version. Metadata of other programs may have the same keys. */
const CONVERTER = "odconv ";

/**
 * Largest number of kernels. A file with a larger number is damaged, or tries to make the reader allocate too much
 * memory.
 */
const MAX_KERNELS = 1024;

/** Where converted weights came from. */
export interface Provenance {
  /** File name, hub reference or URL, without folders of the converting machine. */
  readonly source: string;
  /** SHA-256 of the source, hexadecimal. */
  readonly sha256: string;
}

/**
 * Returns the metadata of a converted file: the configuration, the inference settings and the source of the weights.
 * The settings default to the architecture's. The architecture of a custom network is "custom".
 */
export function encodeMetadata(
  config: ModelConfig,
  { source, sha256 }: Provenance,
  inference: InferenceConfig = usualInference(config),
): Record<string, string> {
  const { arch, kernelNum, reduction, numClasses } = completeConfig(config);
  return {
    format: "pt",
    architecture: arch,
    ...(arch !== CUSTOM && { kernel_num: String(kernelNum), reduction: String(reduction) }),
    num_classes: String(numClasses),
    [INFERENCE_KEY]: encodeInference(inference),
    source,
    source_sha256: sha256,
    converter: CONVERTER + VERSION,
  };
}

/**
 * Returns the configuration in the metadata. Returns undefined if there is none, or if another program wrote the
 * metadata. Throws CheckpointError if it is not valid.
 */
export function decodeMetadata(metadata: Readonly<Record<string, string>>): Required<ModelConfig> | undefined {
  if (metadata.architecture === undefined || !metadata.converter?.startsWith(CONVERTER)) return undefined;
  findArchitecture(metadata.architecture); // reports an unknown architecture before its numbers
  const refuse = (key: string, expected: string): never => {
    throw new CheckpointError(`metadata ${key} is ${JSON.stringify(metadata[key])}, expected ${expected}`);
  };
  const whole = (key: string, most: number) => {
    const value = Number(metadata[key]);
    if (!(Number.isInteger(value) && value >= 1 && value <= most)) refuse(key, `a whole number from 1 to ${most}`);
    return value;
  };
  const reduction = Number(metadata.reduction);
  if (!(reduction > 0 && reduction < Infinity)) refuse("reduction", "a finite number above 0");
  return completeConfig({
    arch: metadata.architecture,
    kernelNum: whole("kernel_num", MAX_KERNELS),
    reduction,
    numClasses: whole("num_classes", MAX_CLASSES),
  });
}
