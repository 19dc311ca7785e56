/**
 * What the config.json of a repository on the Hugging Face hub says of how its model is used: timm's, or the class names
 * of transformers'. Like everything that is downloaded, it is checked before it counts.
 *
 * @module
 */

import type { CheckpointConfig } from "../../checkpoint/open.ts";
import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { classList } from "./class_list.ts";
import { checkMembers, type InferenceOverrides } from "./inference_config.ts";

type Json = Readonly<Record<string, unknown>>;

/** Members of a configuration, by timm's names of them. */
const TIMM_KEYS: Readonly<Record<string, keyof InferenceOverrides>> = {
  crop_pct: "cropPct",
  interpolation: "interpolation",
  mean: "mean",
  std: "std",
};

/**
 * What such a file says; nothing where it is of another kind. Throws CheckpointError, naming the file, where it is no JSON
 * or asks for what cannot be done.
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

/** timm's configuration: under its key, or in old files everything itself. */
function timmConfig(json: Json): Json | undefined {
  if (isRecord(json.pretrained_cfg)) return json.pretrained_cfg;
  return typeof json.architecture === "string" ? json : undefined;
}

/** Where the names of the classes are. What is outside timm's part counts more, as it does for timm. */
function labelsOf(json: Json, timm: Json): readonly [key: string, labels: unknown] {
  if (isPresent(json.label_names)) return ["label_names", json.label_names];
  if (isPresent(timm.label_names)) return ["label_names", timm.label_names];
  if (isPresent(timm.labels)) return ["labels", timm.labels];
  const { id2label } = json;
  // What transformers writes where nobody has named the classes.
  const isNamed = isRecord(id2label) && Object.values(id2label).some((name) => !/^LABEL_\d+$/.test(String(name)));
  return ["id2label", isNamed ? id2label : undefined];
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
