/**
 * What a converted file says of itself, in safetensors' `__metadata__` (strings only).
 *
 * @module
 */

import { INFERENCE_KEY } from "../../checkpoint/tensors/inference_key.ts";
import { CheckpointError } from "../../errors.ts";
import { encodeInference, type InferenceConfig, MAX_CLASSES, usualInference } from "./inference_config.ts";
import { completeConfig, CUSTOM, findArchitecture, type ModelConfig } from "../architectures/registry.ts";

/** The version that converted files name. */
export const VERSION = "0.1.0";

/** What the converter of a file is called, before its version. Metadata of other programs may have our keys. */
const CONVERTER = "odconv ";

/** More is no model: a file whose numbers say so is damaged, or means to have memory set aside for nothing. */
const MAX_KERNELS = 1024;

/** Where converted weights came from. */
export interface Provenance {
  /** File name, hub reference or URL; no folders of the converting machine. */
  readonly source: string;
  /** SHA-256 of the source, hexadecimal. */
  readonly sha256: string;
}

/**
 * The metadata of a converted file: what the model is, how it is used (`model.inference`; as its architecture is if left
 * out), and where its weights came from. A network of no registered architecture says "custom".
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
 * The configuration that metadata names; undefined if it names none, or if another program wrote it. Throws CheckpointError
 * if it is nonsense.
 */
export function decodeMetadata(metadata: Readonly<Record<string, string>>): Required<ModelConfig> | undefined {
  if (metadata.architecture === undefined || !metadata.converter?.startsWith(CONVERTER)) return undefined;
  findArchitecture(metadata.architecture); // before complaints about the numbers of something else
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
