/**
 * Finds the state dict in what a training script saved around it.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import type { PickleValue } from "./pickle.ts";
import type { StateDict } from "./state_dict.ts";
import { TorchTensor } from "./torch_tensor.ts";

/** Where training scripts put the state dict, the likeliest first; averaged weights only where there are no others. */
const KEYS = [
  "state_dict",
  "model",
  "model_state_dict",
  "model_state",
  "net",
  "network",
  "params",
  "weights",
  "state_dict_ema",
  "model_ema",
  "ema_state_dict",
  "ema",
] as const;

/** What wrappers put before every name: DistributedDataParallel and DataParallel, torch.compile. */
const PREFIXES = ["module.", "_orig_mod."];

/** A state dict that was found. */
export interface FoundStateDict {
  /** Its tensors, without a wrapper's prefix. */
  tensors: StateDict;
  /** The key it was under; "" where the file is the state dict. */
  key: string;
  /** Keys of the other state dicts in the file. */
  others: string[];
}

/**
 * Finds the state dict in a checkpoint's contents: bare, or one level down under one of the usual names, or under `key`.
 * Throws CheckpointError, saying what the file holds, where there is none.
 */
export function findStateDict(source: string, value: PickleValue, key?: string): FoundStateDict {
  if (key === undefined && isStateDict(value)) return { tensors: stripPrefixes(tensorsOf(value)), key: "", others: [] };
  const found = value instanceof Map
    ? [...value.keys()].filter((k) => typeof k === "string" && isStateDict(value.get(k)))
    : [];
  const wanted = key ?? KEYS.find((k) => found.includes(k)) ?? (found.length === 1 ? found[0] : undefined);
  const inner = value instanceof Map && found.includes(wanted) ? value.get(wanted) : undefined;
  if (!isStateDict(inner)) {
    const holds = value instanceof Map
      ? `it holds ${[...value.keys()].slice(0, 20).map(shown).join(", ") || "nothing"}`
      : "";
    const what = key === undefined ? "no state dict" : `no state dict under "${key}"`;
    throw new CheckpointError(`${source}: there is ${what} in it${holds && `; ${holds}`}`);
  }
  return {
    tensors: stripPrefixes(tensorsOf(inner)),
    key: String(wanted),
    others: found.filter((k) => k !== wanted),
  };
}

/** A key in a message; almost always a name. */
function shown(key: PickleValue): string {
  return typeof key === "string" && key.length <= 80 ? key : excerpt(key);
}

/** The tensors without a wrapper's prefix, where every name has it. */
export function stripPrefixes(tensors: StateDict): StateDict {
  for (const prefix of PREFIXES) {
    if (tensors.size && [...tensors.keys()].every((name) => name.startsWith(prefix) && name.length > prefix.length)) {
      return stripPrefixes(new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor])));
    }
  }
  return tensors;
}

/** A dict of names, at least one of them a tensor's, and no dict among its values. */
function isStateDict(value: PickleValue): value is Map<string, PickleValue> {
  if (!(value instanceof Map)) return false;
  let tensors = 0;
  for (const [name, item] of value) {
    if (typeof name !== "string" || item instanceof Map) return false;
    if (item instanceof TorchTensor) tensors++;
  }
  return tensors > 0 && !isTrainingState(value);
}

/** `{best_acc: tensor, epoch: ...}` has tensors too; a layer's tensors have dotted names or are named "weight". */
function isTrainingState(value: Map<string, PickleValue>): boolean {
  return ![...value].some(([name, item]) => item instanceof TorchTensor && /\.|^(weight|bias)$/.test(name));
}

function tensorsOf(dict: Map<string, PickleValue>): StateDict {
  return new Map([...dict].filter((entry): entry is [string, TorchTensor] => entry[1] instanceof TorchTensor));
}
