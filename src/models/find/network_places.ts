/**
 * Finds the places in a checkpoint that may hold a network. Every state dict, prefix and naming convention is compared
 * with the architectures.
 *
 * @module
 */

import { type FoundStateDict, unwrapped, withoutWrappers } from "../../checkpoint/remapping/find_state_dict.ts";
import type { StateDict, Tensor } from "../../checkpoint/tensors/state_dict.ts";
import { StridedTensor } from "../../checkpoint/torch/strided_tensor.ts";
import { saysAverage, saysLossOrMetric } from "./beside.ts";
import type { Fit } from "./infer.ts";
import { createModel } from "../model/model.ts";
import { REGISTRY } from "../architectures/registry.ts";
import { type Spelling, SPELLINGS } from "./spellings.ts";

/** A state dict with the wrappers removed from its names. */
export interface Dict extends FoundStateDict {
  /** The names in the file. */
  readonly raw: ReadonlyMap<string, string>;
}

/** A place in a state dict that holds a network, or something similar. */
export interface Place {
  readonly dict: Dict;
  readonly prefix: string;
  readonly spelling: Spelling;
  /** The dict's name for each of our names, of all tensors under the prefix that have one. */
  readonly names: ReadonlyMap<string, string>;
  readonly fit: Fit;
}

/**
 * Removes the wrappers from the names of a state dict. With a prefix, returns only the tensors under it, with the
 * prefix removed.
 */
export function dictOf(found: FoundStateDict, given: string | undefined): Dict {
  const all = unwrapped(found.tensors);
  const inFile = [...found.tensors.keys()];
  const entries = [...all].map(([name, tensor], i) => ({ name, tensor, raw: inFile[i] }));
  const prefix = given === undefined ? "" : prefixIn(all, given);
  const inside = entries.filter(({ name }) => name.startsWith(prefix) && name.length > prefix.length);
  return {
    key: found.key,
    tensors: new Map(inside.map(({ name, tensor }) => [name.slice(prefix.length), tensor])),
    raw: new Map(inside.map(({ name, raw }) => [name.slice(prefix.length), raw])),
    rest: [...entries.filter(({ name }) => !name.startsWith(prefix)).map(({ raw }) => raw), ...found.rest],
  };
}

/** Returns the caller's prefix as it is in the names. The caller may leave out its dot and the names of wrappers. */
function prefixIn(all: StateDict, given: string): string {
  const dotted = given === "" || given.endsWith(".") ? given : `${given}.`;
  const bare = withoutWrappers(`${dotted}x`).slice(0, -1);
  return [dotted, bare].find((prefix) => all.keys().some((name) => name.startsWith(prefix))) ?? dotted;
}

/** Largest number of prefixes per state dict that are compared with all architectures. */
const MAX_CANDIDATES = 12;
/** Name ends of the tensors of a network. */
const LEAVES = /(^|\.)(weight|bias|running_mean|running_var)$/;
/** A prefix has fewer parts than this. */
const MAX_PARTS = 12;

/**
 * Returns the places in a state dict that may hold a network: every prefix that is followed by many names of known
 * networks.
 */
export function placesOf(dict: Dict, fitTo: (tensors: StateDict) => Fit | undefined): Place[] {
  const counts = new Map<string, { prefix: string; spelling: Spelling; count: number }>();
  for (const name of dict.tensors.keys()) {
    if (!LEAVES.test(name)) continue;
    for (let at = 0, parts = 0; parts < MAX_PARTS; at = name.indexOf(".", at) + 1, parts++) {
      if (parts && !at) break;
      SPELLINGS.forEach((spelling, i) => {
        if (!knownNames().has(spelling.translate(name.slice(at)) ?? "")) return;
        const prefix = name.slice(0, at);
        const candidate = counts.get(`${i} ${prefix}`) ?? { prefix, spelling, count: 0 };
        candidate.count++;
        counts.set(`${i} ${prefix}`, candidate);
      });
    }
  }
  const candidates = [...counts.values()].sort((a, b) => b.count - a.count || a.prefix.length - b.prefix.length);
  const many = candidates.filter(({ count }) => count >= candidates[0].count / 4).slice(0, MAX_CANDIDATES);
  const best = new Map<string, Place>();
  for (const { prefix, spelling } of many) {
    const names = namesUnder(dict, prefix, spelling);
    const fit = fitTo(new Map([...names].map(([ours, name]) => [ours, dict.tensors.get(name)!])));
    if (fit && fit.share > (best.get(prefix)?.fit.share ?? 0)) best.set(prefix, { dict, prefix, spelling, names, fit });
  }
  return [...best.values()];
}

/** Returns the whole state dict as a place. */
export function placeAt(dict: Dict, fitTo: (tensors: StateDict) => Fit): Place {
  const [spelling] = SPELLINGS;
  return { dict, prefix: "", spelling, names: namesUnder(dict, "", spelling), fit: fitTo(dict.tensors) };
}

/** Returns our names for the tensors under a prefix. A tensor without such a name keeps its own. */
function namesUnder({ tensors }: Dict, prefix: string, { translate }: Spelling): Map<string, string> {
  const names = new Map<string, string>();
  const others: string[] = [];
  for (const name of tensors.keys()) {
    if (!name.startsWith(prefix)) continue;
    const ours = translate(name.slice(prefix.length));
    if (ours === undefined || names.has(ours)) others.push(name);
    else names.set(ours, name);
  }
  for (const name of others) {
    if (!names.has(name.slice(prefix.length))) names.set(name.slice(prefix.length), name);
  }
  return names;
}

/** Returns every tensor name of the known networks. */
function knownNames(): ReadonlySet<string> {
  return known ??= new Set(
    [...REGISTRY.keys()].flatMap((arch) => createModel({ arch, kernelNum: 2 }).stateDictSpec().map(({ name }) => name)),
  );
}
let known: ReadonlySet<string> | undefined;

/** Returns each network once. Some modules are stored under two names. */
export function distinct(places: readonly Place[]): Place[] {
  const found: Place[] = [];
  for (const place of places.toSorted((a, b) => rank(a) - rank(b))) {
    if (!found.some((other) => isSame(place, other))) found.push(place);
  }
  return found;
}

function isSame(a: Place, b: Place): boolean {
  return a.fit.spec.every(({ name }) => {
    const [one, other] = [tensorOf(a, name), tensorOf(b, name)];
    return one === other || (one && other && identityOf(one) === identityOf(other));
  });
}

/** Returns the identity of a tensor's data. It is the same if a file has the tensor under two names. */
export function identityOf(tensor: Tensor): unknown {
  if (!(tensor instanceof StridedTensor)) return tensor;
  const { storage, offset, shape } = tensor;
  return `${storage.name} ${offset} [${shape}]`;
}

export function tensorOf({ dict, names }: Place, ours: string): Tensor | undefined {
  const name = names.get(ours);
  return name === undefined ? undefined : dict.tensors.get(name);
}

/** Names of the entries that hold the one network that a script trains. */
const USUAL: ReadonlySet<string> = new Set([
  "state_dict",
  "model",
  "model_state_dict",
  "model_state",
  "state",
  "module",
  "net",
  "network",
  "params",
  "weights",
  "base_model",
  "backbone",
  "encoder",
  "resnet",
  "mobilenet",
  "timm_model",
]);

/**
 * Returns 0 for usual names, 2 for averages or losses, 1 for other names. The lowest rank in a checkpoint is chosen.
 */
export function rank({ dict: { key }, prefix }: Place): number {
  const parts = `${key}.${prefix}`.split(".").filter((part) => part !== "");
  if (parts.some((part) => saysAverage(part) || saysLossOrMetric(part))) return 2;
  return parts.every((part) => USUAL.has(part)) ? 0 : 1;
}
