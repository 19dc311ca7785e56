/**
 * Inference settings: the size of a model's images, their preparation, the temperature and the class names. Files store
 * them with the weights, and everything that loads a model follows them.
 *
 * @module
 */

import { ABOVE_ZERO, COUNT, describeRange, isWithin, type Range } from "../../arguments.ts";
import { IMAGENET, type Preprocessing } from "../../data/pixels/preprocessing.ts";
import { type Interpolation, INTERPOLATIONS } from "../../data/pixels/resize.ts";
import { INFERENCE_KEY } from "../../checkpoint/tensors/inference_key.ts";
import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { findArchitecture, type ModelConfig } from "../architectures/registry.ts";

/** All inference settings of a model. */
export interface InferenceConfig {
  /**
   * Height and width of the input images, in pixels. The input is a square cut from the middle of the resized image.
   */
  readonly imageSize: number;
  /** Length of an image's shorter side after the resize, in pixels. */
  readonly resize: number;
  /** Interpolation of the resize. */
  readonly interpolation: Interpolation;
  /** Mean of each channel (R, G, B) on the scale 0..1. It is subtracted. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation of each channel (R, G, B) on the scale 0..1. The image is divided by it. */
  readonly std: readonly [number, number, number];
  /** Temperature of all attentions: softmax and sigmoid of x / temperature. */
  readonly temperature: number;
  /** Class names by index, one for each class. Undefined if the names are not known. */
  readonly classNames: readonly string[] | undefined;
  /** Sources of the settings, the latest last: "resnet18's own; hf:timm/resnet18.a1_in1k/config.json; --size 288". */
  readonly source: string;
}

/** Settings that replace those of another configuration. */
export interface InferenceOverrides extends Partial<InferenceConfig> {
  /**
   * Share of the resized shorter side that is cut out, as timm's `crop_pct`: `resize` is floor(imageSize / cropPct). If
   * both `cropPct` and `resize` are left out, the ratio of `resize` to `imageSize` is kept: the new `resize` is
   * floor(new imageSize * old resize / old imageSize).
   */
  readonly cropPct?: number;
}

/** Largest image size, in pixels. */
export const MAX_IMAGE_SIZE = 4096;
/** Largest shorter side of a resize, in pixels. */
export const MAX_RESIZE = 4 * MAX_IMAGE_SIZE;
/** Largest number of classes. No real model has more. */
export const MAX_CLASSES = 1_000_000;
/** Largest number of characters in a class name. */
const MAX_NAME = 1000;

/** Accepts a value, or returns a description of what was expected. */
type Check = (value: unknown) => string | undefined;

const within = (range: Range): Check => (value) => isWithin(value, range) ? undefined : describeRange(range);
const three = (least: number, most: number): Check => (value) =>
  Array.isArray(value) && value.length === 3 && value.every((x) => isWithin(x, { least, most }))
    ? undefined
    : `three numbers from ${least} to ${most}, on the scale 0..1 (divide those of the scale 0..255 by 255)`;

/** The check of each setting. */
const CHECKS: Readonly<Record<keyof InferenceOverrides, Check>> = {
  imageSize: within({ ...COUNT, most: MAX_IMAGE_SIZE }),
  resize: within({ ...COUNT, most: MAX_RESIZE }),
  cropPct: within({ least: 0.1, most: 10 }),
  interpolation: (value) =>
    (INTERPOLATIONS as readonly unknown[]).includes(value) ? undefined : INTERPOLATIONS.map(excerpt).join(" or "),
  mean: three(0, 1),
  std: three(1e-4, 10),
  temperature: within(ABOVE_ZERO),
  classNames: checkNames,
  source: (value) =>
    typeof value === "string" && value.length <= MAX_NAME ? undefined : `at most ${MAX_NAME} characters`,
};

function checkNames(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_CLASSES) {
    return `a list of 1 to ${MAX_CLASSES} names`;
  }
  const wrong = value.findIndex((name) => typeof name !== "string" || name === "" || name.length > MAX_NAME);
  return wrong < 0 ? undefined : `a name of 1 to ${MAX_NAME} characters for class ${wrong}`;
}

/** The settings' names in files. */
const JSON_KEYS = {
  image_size: "imageSize",
  resize: "resize",
  interpolation: "interpolation",
  mean: "mean",
  std: "std",
  temperature: "temperature",
  class_names: "classNames",
  source: "source",
} as const satisfies Readonly<Record<string, keyof InferenceConfig>>;

/** Returns the default settings of a model: those of its architecture, with unnamed classes. */
export function usualInference(config: ModelConfig): InferenceConfig {
  const { imageSize, preprocessing: { resize, interpolation = "bilinear", mean, std } } = findArchitecture(config.arch);
  const source = `${config.arch}'s own`;
  return {
    imageSize,
    resize: resize ?? imageSize,
    interpolation,
    mean,
    std,
    temperature: 1,
    classNames: undefined,
    source,
  };
}

/** Returns the default settings of a custom network: ImageNet's normalisation. */
export function customInference(imageSize: number): InferenceConfig {
  const { mean, std } = IMAGENET;
  return {
    imageSize,
    resize: imageSize,
    interpolation: "bilinear",
    mean,
    std,
    temperature: 1,
    classNames: undefined,
    source: "the program's own",
  };
}

/**
 * Returns a configuration with some settings replaced. Undefined members replace nothing. Throws CheckpointError if a
 * setting is out of its range.
 */
export function overrideInference(config: InferenceConfig, given: InferenceOverrides): InferenceConfig {
  const { cropPct, source, ...others } = given;
  const parts = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  checkMembers({ cropPct, ...parts }, (member) => `the ${member} of a model`);
  const { imageSize } = { ...config, ...parts };
  const resize = Math.floor(cropPct ? imageSize / cropPct : imageSize * config.resize / config.imageSize);
  const merged = { ...config, resize, ...parts, source: joinSources(config.source, source) };
  checkMembers(merged, (member) => `the ${member} of a model`);
  return merged;
}

/** Returns "a; b" for "a" and "b". A long history is cut at its start. */
function joinSources(before: string, added: string | undefined): string {
  if (added === undefined || before.endsWith(`; ${added}`)) return before;
  if (added.startsWith(before)) return added;
  const joined = `${before}; ${added}`;
  return joined.length > MAX_NAME ? `...${joined.slice(3 - MAX_NAME)}` : joined;
}

/** Throws CheckpointError if the number of class names differs from the number of classes. */
export function checkClassNames({ classNames }: InferenceConfig, { numClasses }: Required<ModelConfig>): void {
  if (classNames === undefined || classNames.length === numClasses) return;
  throw new CheckpointError(
    `${classNames.length} class names, expected ${numClasses}: one for each class of the model`,
  );
}

/** Returns how images are prepared for a model with these settings. The result always has the model's image size. */
export function preprocessingOf({ imageSize, resize, interpolation, mean, std }: InferenceConfig): Preprocessing {
  return { resize, crop: imageSize, interpolation, mean, std };
}

/** Returns the text that is stored in files. */
export function encodeInference(config: InferenceConfig): string {
  return JSON.stringify(Object.fromEntries(Object.entries(JSON_KEYS).map(([key, member]) => [key, config[member]])));
}

/**
 * Returns the settings in a file's text. Settings that the text lacks come from `usual`. Unknown members are ignored.
 * Throws CheckpointError if the text is not a JSON object, or a member is out of its range.
 */
export function decodeInference(text: string | undefined, usual: InferenceConfig): InferenceConfig {
  if (text === undefined) return usual;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The error is thrown below.
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CheckpointError(`metadata ${INFERENCE_KEY} is ${excerpt(text)}, expected an object of JSON`);
  }
  const known = Object.entries(JSON_KEYS).filter(([key]) => Object.hasOwn(json, key));
  const given = Object.fromEntries(known.map(([key, member]) => [member, (json as Record<string, unknown>)[key]]));
  const keys = new Map<string, string>(known.map(([key, member]) => [member, key]));
  const { source = usual.source, ...others } = checkMembers(
    given,
    (member) => `metadata ${INFERENCE_KEY}: ${keys.get(member)}`,
  );
  return overrideInference({ ...usual, source }, others);
}

/** Throws CheckpointError if a given member is out of its range. `say` returns the member's name for the message. */
export function checkMembers(
  given: Readonly<Record<string, unknown>>,
  say: (member: string) => string,
): InferenceOverrides {
  for (const [member, check] of Object.entries(CHECKS)) {
    if (given[member] === undefined) continue;
    const expected = check(given[member]);
    if (expected !== undefined) {
      throw new CheckpointError(`${say(member)} is ${excerpt(given[member])}, expected ${expected}`);
    }
  }
  return given;
}
