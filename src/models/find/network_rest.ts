/**
 * Sorts the other tensors of a network's state dict: a classifier under another name, tensors that may belong to the
 * network, and tensors that do not.
 *
 * @module
 */

import { isCounter } from "../../checkpoint/remapping/remap.ts";
import type { StateDict, Tensor } from "../../checkpoint/tensors/state_dict.ts";
import { CheckpointError } from "../../errors.ts";
import { isBeside, isNormalizer } from "./beside.ts";
import { classifierOf, moduleOf, modulesOf } from "./infer.ts";
import { identityOf, type Place, tensorOf } from "./network_places.ts";
import type { ModelConfig } from "../architectures/registry.ts";

/** Returns the tensors of a state dict that belong to none of its networks. */
export function restOf(place: Place, networks: readonly Place[]): StateDict {
  const { dict, names, fit } = place;
  const used = new Set(fit.spec.map(({ name }) => names.get(name)));
  const usedTensors = new Set(used.values().map((name) => name && identityOf(dict.tensors.get(name)!)));
  const others = networks.filter((other) => other !== place && other.dict === dict);
  const isOther = (name: string) => others.some((other) => liesIn(name, other, place));
  const isKnown = (name: string, tensor: Tensor) => used.has(name) || usedTensors.has(identityOf(tensor));
  return new Map([...dict.tensors].filter(([name, tensor]) => !isKnown(name, tensor) && !isOther(name)));
}

/**
 * Returns true if a name is in another network's branch: in "teacher." if the two networks are "student.net." and
 * "teacher.net.".
 */
function liesIn(name: string, other: Place, place: Place): boolean {
  const branch = branchOf(other.prefix, place.prefix);
  if (branch !== undefined) return name.startsWith(branch);
  return name.startsWith(other.prefix) && modulesOf(other.fit.spec).has(moduleOf(name.slice(other.prefix.length)));
}

/**
 * Returns the start of a name, up to the first part that differs from the prefix. Returns undefined if no part differs.
 */
export function branchOf(name: string, prefix: string): string | undefined {
  const [parts, common] = [name.split("."), prefix.split(".")];
  const at = parts.findIndex((part, i) => part !== common[i]);
  return at < 0 || parts[at] === "" ? undefined : `${parts.slice(0, at + 1).join(".")}.`;
}

/**
 * Finds the network's classifier under another name. It exists if only the classifier is missing and exactly one
 * remaining layer has its shape. Returns undefined if nothing is missing, or more than the classifier. Throws
 * CheckpointError if no layer or more than one can be the classifier.
 */
export function findHead(source: string, place: Place, rest: StateDict): string | undefined {
  const { fit: { spec, config } } = place;
  const { name, shape: [, features] } = classifierOf(spec);
  const bias = name.replace(/weight$/, "bias");
  const lacks = spec.filter((wanted) => {
    return !isCounter(wanted.name) && tensorOf(place, wanted.name)?.shape.join() !== wanted.shape.join();
  });
  if (lacks.length !== 2 || !lacks.every((wanted) => [name, bias].includes(wanted.name))) return undefined;
  if (tensorOf(place, name) || tensorOf(place, bias)) return undefined;
  const matrices = [...rest].filter(([key, tensor]) => tensor.shape.length === 2 && !isBeside(key, tensor));
  const [[key, { shape: [classes, width] }] = ["", { shape: [] as readonly number[] }]] = matrices;
  const layer = key.replace(/\.weight$/, "");
  if (
    matrices.length === 1 && layer !== key && width === features &&
    rest.get(`${layer}.bias`)?.shape.join() === `${classes}`
  ) {
    return layer;
  }
  const found = matrices.map(([other, { shape }]) => `${other} [${shape.join(", ")}]`).slice(0, 8).join(", ");
  throw new CheckpointError(
    `${source}: it holds a ${config.arch} without its classifier: no ${name} [classes, ${features}] and no ${bias}. ` +
      (found ? `What is left over is not one layer of that shape: ${found}. ` : "It is a backbone alone. ") +
      "In PyTorch, load it into the whole network, with its classifier, and save that network's state dict",
  );
}

/** Returns tensors that may belong to the network although no known architecture has them. They cannot be left out. */
export function strangersIn(
  rest: StateDict,
  place: Place,
  head: string | undefined,
  config: Required<ModelConfig>,
): Set<string> {
  const { prefix, names, fit: { spec } } = place;
  const modules = modulesOf(spec);
  const ours = new Map([...names].map(([own, name]) => [name, own]));
  const sizes = [config.numClasses, classifierOf(spec).shape[1]];
  const isStranger = (name: string, tensor: Tensor) => {
    if (head !== undefined && name.startsWith(`${head}.`)) return false;
    const own = ours.get(name);
    if (own !== undefined && modules.has(moduleOf(own))) return !/(^|\.)_extra_state$/.test(own);
    if (isBeside(name, tensor) || isNormalizer(name, tensor)) return false;
    // Any tensor among the network's own layers, or between a backbone and its classifier, may belong to it.
    if (name.startsWith(prefix) || head !== undefined) return true;
    const { shape } = tensor;
    // Elsewhere, a tensor may belong to it if its shape fits the network's features, its logits or an image.
    return sizes.includes(shape.length === 1 ? shape[0] : shape[1]) || (shape.length === 4 && shape[0] === 3);
  };
  return new Set([...rest].filter(([name, tensor]) => isStranger(name, tensor)).map(([name]) => name));
}
