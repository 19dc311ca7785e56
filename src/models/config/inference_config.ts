/**
 * How a model is used: the size of its images, how they become its input, its temperature, what its classes are called.
 * Files carry it with the weights, and everything that loads a model obeys it.
 *
 * @module
 */

import { ABOVE_ZERO, COUNT, describeRange, isWithin, type Range } from "../../arguments.ts";
import { IMAGENET, type Preprocessing } from "../../data/pixels/preprocessing.ts";
import type { Interpolation } from "../../data/pixels/resize.ts";
import { INFERENCE_KEY } from "../../checkpoint/tensors/inference_key.ts";
import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { findArchitecture, type ModelConfig } from "../architectures/registry.ts";

/** How a model is used, nothing left out. */
export interface InferenceConfig {
  /** Height and width of its images, in pixels: of the square that is cut from the middle of a resized image. */
  readonly imageSize: number;
  /** Length of an image's shorter side after the resize, in pixels. */
  readonly resize: number;
  /** The filter of the resize. */
  readonly interpolation: Interpolation;
  /** Mean of each channel (R, G, B) on the scale 0..1, subtracted. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation of each channel (R, G, B) on the scale 0..1, divided by. */
  readonly std: readonly [number, number, number];
  /** Of all attentions: softmax and sigmoid of x / temperature. */
  readonly temperature: number;
  /** Names of the classes by index, as many as the model has; undefined where they are not known. */
  readonly classNames: readonly string[] | undefined;
  /** Where all this came from, the last word last: "resnet18's own; hf:timm/resnet18.a1_in1k/config.json; --size 288". */
  readonly source: string;
}

/** Parts of a configuration, to replace those of another one. */
export interface InferenceOverrides extends Partial<InferenceConfig> {
  /**
   * Share of the resized shorter side that is cut out, as timm's `crop_pct`: `resize` is floor(imageSize / cropPct). With
   * neither, `resize` keeps its share: floor(imageSize * resize / imageSize), with what both were before.
   */
  readonly cropPct?: number;
}

/** Longest side of a model's images. */
export const MAX_IMAGE_SIZE = 4096;
/** Longest shorter side that images are resized to. */
export const MAX_RESIZE = 4 * MAX_IMAGE_SIZE;
/** More is no model. */
export const MAX_CLASSES = 1_000_000;
/** Characters of a class's name. */
const MAX_NAME = 1000;

/** Accepts a value, or says what was expected of it. */
type Check = (value: unknown) => string | undefined;

const INTERPOLATIONS: readonly unknown[] = ["bilinear", "bicubic"];

const within = (range: Range): Check => (value) => isWithin(value, range) ? undefined : describeRange(range);
const three = (least: number, most: number): Check => (value) =>
  Array.isArray(value) && value.length === 3 && value.every((x) => isWithin(x, { least, most }))
    ? undefined
    : `three numbers from ${least} to ${most}, on the scale 0..1 (divide those of the scale 0..255 by 255)`;

/** What each member has to be. */
const CHECKS: Readonly<Record<keyof InferenceOverrides, Check>> = {
  imageSize: within({ ...COUNT, most: MAX_IMAGE_SIZE }),
  resize: within({ ...COUNT, most: MAX_RESIZE }),
  cropPct: within({ least: 0.1, most: 10 }),
  interpolation: (value) => INTERPOLATIONS.includes(value) ? undefined : INTERPOLATIONS.map(excerpt).join(" or "),
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

/** What files call the members. */
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

/** The configuration of a model that nobody has said anything of: its architecture's, with classes that have no names. */
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

/** The configuration of a network of no registered architecture that nobody has said more of: ImageNet's normalisation. */
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
 * A configuration with parts of it replaced; members that are undefined replace nothing. Throws CheckpointError where one
 * is out of its range.
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

/** "a; b" of "a" and "b"; of a long history the end. */
function joinSources(before: string, added: string | undefined): string {
  if (added === undefined || before.endsWith(`; ${added}`)) return before;
  if (added.startsWith(before)) return added;
  const joined = `${before}; ${added}`;
  return joined.length > MAX_NAME ? `...${joined.slice(3 - MAX_NAME)}` : joined;
}

/** Throws CheckpointError where the class names are not as many as the classes. */
export function checkClassNames({ classNames }: InferenceConfig, { numClasses }: Required<ModelConfig>): void {
  if (classNames === undefined || classNames.length === numClasses) return;
  throw new CheckpointError(
    `${classNames.length} class names, expected ${numClasses}: one for each class of the model`,
  );
}

/** How images become the input of a model that is used so: always of its size. */
export function preprocessingOf({ imageSize, resize, interpolation, mean, std }: InferenceConfig): Preprocessing {
  return { resize, crop: imageSize, interpolation, mean, std };
}

/** As the text that files carry. */
export function encodeInference(config: InferenceConfig): string {
  return JSON.stringify(Object.fromEntries(Object.entries(JSON_KEYS).map(([key, member]) => [key, config[member]])));
}

/**
 * How the model of a file is used: as its text says, and as `usual` says if the text does not. Members that are
 * not known are ignored. Throws CheckpointError where the text is no object of JSON, or a member is out of its range.
 */
export function decodeInference(text: string | undefined, usual: InferenceConfig): InferenceConfig {
  if (text === undefined) return usual;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Said below.
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

/** Throws CheckpointError where a member that is there is out of its range; `say` is what the message calls it. */
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
