/**
 * Reads inference settings from the config.json of a repository on the Hugging Face hub: timm's configuration, or the
 * class names of transformers. Like all downloads, the file is checked before it is used.
 *
 * @module
 */

import type { CheckpointConfig } from "../../checkpoint/open.ts";
import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { classList } from "./class_list.ts";
import { checkMembers, type InferenceOverrides } from "./inference_config.ts";

type Json = Readonly<Record<string, unknown>>;

/** Setting for each of timm's names. */
const TIMM_KEYS: Readonly<Record<string, keyof InferenceOverrides>> = {
  crop_pct: "cropPct",
  interpolation: "interpolation",
  mean: "mean",
  std: "std",
};

/**
 * Returns the settings in the file, or none if the file has another format. Throws CheckpointError, with the file's
 * name, if it is not JSON or has an invalid setting.
 */
export function decodeHubConfig({ name, text }: CheckpointConfig): InferenceOverrides {
  const fail = (key: string, found: unknown, expected: string) =>
    new CheckpointError(`${name}: ${key} is ${excerpt(found)}, expected ${expected}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${name}: not JSON (${(error as Error).message})`);
  }
  if (!isRecord(json)) return {};
  const timm = timmConfig(json) ?? {};
  const given: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(TIMM_KEYS)) given[member] = timm[key] ?? undefined;
  const { input_size: size, crop_mode: mode } = timm;
  if (mode !== undefined && mode !== "center") throw fail("crop_mode", mode, '"center"');
  if (isPresent(size)) {
    if (!Array.isArray(size) || size.length !== 3 || size[0] !== 3 || size[1] !== size[2]) {
      throw fail("input_size", size, "[3, N, N]");
    }
    given.imageSize = size[1];
  }
  const [key, labels] = labelsOf(json, timm);
  if (isPresent(labels)) {
    given.classNames = classList(labels);
    if (!given.classNames) throw fail(key, labels, 'a list of names, or {"0": name, "1": name, ...}');
  }
  if (Object.values(given).every((value) => value === undefined)) return {};
  const names = new Map(
    Object.entries({ ...TIMM_KEYS, input_size: "imageSize", [key]: "classNames" }).map(([k, m]) => [m, k]),
  );
  return checkMembers({ ...given, source: name }, (member) => `${name}: ${names.get(member)}`);
}

/** Returns timm's configuration: the member with timm's key, or in old files the whole object. */
function timmConfig(json: Json): Json | undefined {
  if (isRecord(json.pretrained_cfg)) return json.pretrained_cfg;
  return typeof json.architecture === "string" ? json : undefined;
}

/** Finds the class names. Those outside timm's part take precedence, as in timm. */
function labelsOf(json: Json, timm: Json): readonly [key: string, labels: unknown] {
  if (isPresent(json.label_names)) return ["label_names", json.label_names];
  if (isPresent(timm.label_names)) return ["label_names", timm.label_names];
  if (isPresent(timm.labels)) return ["labels", timm.labels];
  const { id2label } = json;
  // transformers writes LABEL_0, LABEL_1 and so on if the classes have no names.
  const isNamed = isRecord(id2label) && Object.values(id2label).some((name) => !/^LABEL_\d+$/.test(String(name)));
  return ["id2label", isNamed ? id2label : undefined];
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
