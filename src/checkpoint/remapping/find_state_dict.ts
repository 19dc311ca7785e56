/**
 * Finds the state dicts inside what a training script saved.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { asDict, Opaque } from "../pickle/opaque.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { StateDict, Tensor } from "../tensors/state_dict.ts";

/**
 * Keys under which training scripts store the state dict, the most likely one first. Averaged weights come last: they
 * are used only if there are no others.
 */
const KEYS: readonly string[] = [
  "state_dict",
  "model",
  "model_state_dict",
  "model_state",
  "module",
  "net",
  "network",
  "params",
  "weights",
  "state_dict_ema",
  "model_ema",
  "ema_state_dict",
  "ema",
];

/**
 * Name parts that wrappers add, anywhere in a name. The wrappers are (Distributed)DataParallel and AveragedModel,
 * torch.compile, FSDP, activation checkpointing, DeepSpeed under Lightning, and Opacus.
 */
const WRAPPERS: ReadonlySet<string> = new Set([
  "module",
  "_orig_mod",
  "_fsdp_wrapped_module",
  "_checkpoint_wrapped_module",
  "_forward_module",
  "_module",
]);

/** Maximum depth of nested dicts that are searched. Trainers use up to five levels. */
const MAX_DEPTH = 6;
/** Maximum number of list items that are searched: `torch.save([model.state_dict(), optimizer.state_dict()])`. */
const MAX_ITEMS = 16;
/** Maximum number of state dicts. Real files have fewer. */
const MAX_FOUND = 64;

/** A state dict in a file. */
export interface FoundStateDict {
  /**
   * The keys that lead to it, joined by dots: "state_dict", "state.model". "" if the file is itself the state dict.
   */
  readonly key: string;
  /** Its tensors, with the names used in the file. */
  readonly tensors: StateDict;
  /** Names of its entries that are not tensors (`_extra_state`). */
  readonly rest: readonly string[];
}

/**
 * Returns every state dict in a checkpoint's contents, the most likely one first: those under the usual keys, then
 * those with the most tensors. With `key`, returns the state dict at that key or, if the value there is not one, those
 * inside it. Throws CheckpointError if there is none; the message says what the file contains.
 */
export function findStateDicts(source: string, value: PickleValue, key?: string): FoundStateDict[] {
  const all = [...walk(value, "", 0, new Map()).take(MAX_FOUND)];
  const at = all.filter((found) => found.key === key);
  const inside = all.filter((found) => found.key.startsWith(`${key}.`));
  const found = key === undefined ? all : at.length ? at : inside;
  if (!found.length) throw new CheckpointError(`${source}: ${explain(value, all, key)}`);
  return found.sort((a, b) => usualness(a.key) - usualness(b.key) || b.tensors.size - a.tensors.size);
}

/** `seen` contains the values that were visited. A value may contain itself, or be contained a million times. */
function* walk(
  value: PickleValue,
  key: string,
  depth: number,
  seen: Map<PickleValue, FoundStateDict | undefined>,
): Generator<FoundStateDict> {
  const dict = asDict(value);
  const entries = dict ??
    (Array.isArray(value) ? value.slice(0, MAX_ITEMS).map((v, i) => [String(i), v] as const) : []);
  if (depth > MAX_DEPTH) return;
  const isNew = !seen.has(value);
  const found = isNew ? dict && stateDictOf(key, dict) : seen.get(value);
  seen.set(value, found);
  if (found) yield { ...found, key };
  if (!isNew) return;
  for (const [name, inner] of entries) {
    if (typeof name !== "string" || isTensor(inner) || typeof inner !== "object" || inner === null) continue;
    yield* walk(inner, key === "" ? name : `${key}.${name}`, depth + 1, seen);
  }
}

/**
 * Returns a dict as a state dict if its keys are names and at least one is that of a layer's tensor: dotted, or
 * "weight" or "bias". Other dicts contain tensors too: `{best_acc: tensor, epoch: ...}`, or an optimizer's state with
 * momentum_buffer.
 */
function stateDictOf(key: string, dict: Map<PickleValue, PickleValue>): FoundStateDict | undefined {
  const tensors: StateDict = new Map();
  const rest: string[] = [];
  let layers = 0;
  for (const [name, value] of dict) {
    if (typeof name !== "string") continue;
    if (!isTensor(value)) rest.push(name);
    else {
      tensors.set(name, value);
      if (/\.|^(weight|bias)$/.test(name)) layers++;
    }
  }
  return layers ? { key, tensors, rest } : undefined;
}

/** Returns whether a pickle's value is a tensor. All tensors have these properties. */
function isTensor(value: PickleValue): value is Tensor {
  return typeof value === "object" && value !== null && "dtype" in value && "shape" in value && "read" in value;
}

function usualness(key: string): number {
  const place = KEYS.indexOf(key.slice(key.lastIndexOf(".") + 1));
  return key === "" ? -1 : place < 0 ? KEYS.length : place;
}

function explain(value: PickleValue, all: readonly FoundStateDict[], key: string | undefined): string {
  const what = key === undefined ? "there is no state dict in it" : `there is no state dict under "${key}" in it`;
  if (all.length) return `${what}; it holds ${all.map((found) => shown(found.key)).join(", ")}`;
  const entries = [...asDict(value) ?? []];
  const holds = value instanceof Map ? entries.slice(0, 20).map(([name]) => shown(name)).join(", ") || "nothing" : "";
  const [name, object] = [["", value] as const, ...entries].find(([, v]) => v instanceof Opaque) ?? [];
  const remedy = object instanceof Opaque
    ? `; ${name === "" ? "it" : shown(name)} is an object of ${shown(object.name)}. If that is the model, load the ` +
      'file in PyTorch and save its state dict: torch.save(model.state_dict(), "state_dict.pth")'
    : "";
  return what + (holds && `; it holds ${holds}`) + remedy;
}

/** Formats a key for a message. It is almost always a name. */
function shown(key: PickleValue): string {
  return typeof key === "string" && key.length <= 80 ? key || '""' : excerpt(key);
}

/** Removes the parts that wrappers add from a name. */
export function withoutWrappers(name: string): string {
  const parts = name.split(".");
  const own = parts.filter((part, i) => i === parts.length - 1 || !WRAPPERS.has(part)).join(".");
  return own || name;
}

/**
 * Returns the tensors under names without wrappers' parts. Tensors keep their full names if two would get the same
 * name.
 */
export function unwrapped(tensors: StateDict): StateDict {
  const own: StateDict = new Map([...tensors].map(([name, tensor]) => [withoutWrappers(name), tensor]));
  return own.size === tensors.size ? own : tensors;
}
