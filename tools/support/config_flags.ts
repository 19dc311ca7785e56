/**
 * The flags that tools share for a model's inference settings: size and preparation of images, names of classes.
 *
 * @module
 */

import { basename } from "node:path";
import { inFile } from "../../src/checkpoint/source/in_file.ts";
import { readText } from "../../src/data/files/read.ts";
import { CheckpointError, DataError } from "../../src/errors.ts";
import { classList } from "../../src/models/config/class_list.ts";
import {
  checkMembers,
  type InferenceOverrides,
  MAX_IMAGE_SIZE,
  MAX_RESIZE,
} from "../../src/models/config/inference_config.ts";
import type { Model } from "../../src/models/model/model.ts";
import { oneOf, positiveNumber, UsageError, wholeNumber } from "./command.ts";

/** The flags. All take a value. */
export const CONFIG_STRINGS = ["size", "resize", "crop-pct", "interpolation", "mean", "std", "class-names"] as const;

/** Lines of a tool's help. */
export const CONFIG_HELP = `\
How the model is used, where its file does not say so ("deno task inspect NAME" shows what it says):
  --size N              height and width of its images: the middle NxN is cut out of the resized image
  --resize N            length of the shorter side after the resize
  --crop-pct X          the same in timm's words: --resize is --size divided by X, rounded down. With neither of the two
                        --resize keeps its share of --size
  --interpolation NAME  filter of the resize: bilinear or bicubic
  --mean R,G,B          subtracted from the channels, on the scale 0..1; one number stands for all three
  --std R,G,B           divided by, on the same scale
  --class-names FILE    names of the classes in their order, one a line; or JSON, a list or {"0": name, "1": name, ...}`;

/** Largest size in bytes of a file of class names. */
const MAX_NAMES = 64 << 20;

/** The flags by the members that they override. */
const MEMBERS: Readonly<Record<string, typeof CONFIG_STRINGS[number]>> = {
  imageSize: "size",
  resize: "resize",
  cropPct: "crop-pct",
  interpolation: "interpolation",
  mean: "mean",
  std: "std",
};

/**
 * Checks the flags and reads the file of class names. Returns a function that applies the flags to a model. Throws
 * UsageError, and DataError if the file does not contain class names.
 */
export async function parseConfigFlags(flags: Readonly<Record<string, unknown>>): Promise<(model: Model) => Model> {
  const text = (flag: typeof CONFIG_STRINGS[number]) => flags[flag] as string | undefined;
  const given: InferenceOverrides = {
    imageSize: wholeNumber("size", text("size"), 1, MAX_IMAGE_SIZE),
    resize: wholeNumber("resize", text("resize"), 1, MAX_RESIZE),
    cropPct: positiveNumber("crop-pct", text("crop-pct")),
    interpolation: oneOf("interpolation", text("interpolation"), ["bilinear", "bicubic"]),
    mean: channels("mean", text("mean")),
    std: channels("std", text("std")),
  };
  if (given.resize !== undefined && given.cropPct !== undefined) {
    throw new UsageError("--resize and --crop-pct say the same thing; leave one of them out");
  }
  try {
    checkMembers({ ...given }, (member) => `--${MEMBERS[member]}`);
  } catch (error) {
    throw error instanceof CheckpointError ? new UsageError(error.message) : error;
  }
  const file = text("class-names");
  const classNames = file === undefined ? undefined : await readClassNames(file);
  const said = CONFIG_STRINGS.filter((flag) => text(flag) !== undefined).map((flag) =>
    `--${flag} ${flag === "class-names" ? basename(file!) : text(flag)}`
  );
  if (!said.length) return (model) => model;
  return (model) =>
    inFile(file ?? said.join(" "), () => model.withInference({ ...given, classNames, source: said.join(" ") }));
}

/** Parses "0.485,0.456,0.406", or one number for all channels. Throws UsageError. */
function channels(flag: string, value: string | undefined): [number, number, number] | undefined {
  if (value === undefined) return undefined;
  const parts = value.split(",");
  const numbers = (parts.length === 1 ? [...parts, ...parts, ...parts] : parts).map(Number);
  const isWritten = parts.every((part) => part.trim() !== "");
  if (!isWritten || numbers.length !== 3 || !numbers.every(Number.isFinite)) {
    throw new UsageError(`--${flag} takes three numbers such as 0.485,0.456,0.406, or one, not "${value}"`);
  }
  return [numbers[0], numbers[1], numbers[2]];
}

/** Reads any number of names from a file. Throws DataError. */
async function readClassNames(path: string): Promise<readonly string[]> {
  const text = (await readText(path, MAX_NAMES)).trim();
  const names = /^[[{]/.test(text) ? namesOfJson(text, path) : text.split(/\r\n|\r|\n/);
  const wrong = names.findIndex((name) => typeof name !== "string" || name.trim() === "");
  if (wrong >= 0) throw new DataError(`${path}: class ${wrong} has no name`);
  return names as readonly string[];
}

function namesOfJson(text: string, path: string): readonly unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${path}: begins as JSON and is none (${
        (error as Error).message
      }); expected a name a line, a list, or {"0": name}`,
    );
  }
  const names = classList(json);
  if (names) return names;
  throw new DataError(`${path}: expected a list of names, or {"0": name, "1": name, ...} with every number from 0 up`);
}
