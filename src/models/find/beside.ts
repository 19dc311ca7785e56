/**
 * Recognises, by name, the tensors that trainers store next to a network in a state dict.
 *
 * @module
 */

import { isFloat } from "../../checkpoint/tensors/float32.ts";
import type { Tensor } from "../../checkpoint/tensors/state_dict.ts";

/** Words in names. camelCase and snake_case are split into words. */
const LOSSES = ["loss", "losses", "criterion", "criterions", "criteria", "objective"];
const METRICS = ["metric", "metrics", "acc", "accuracy", "auroc", "f1", "confmat", "top1", "top5", "meter", "meters"];
const AVERAGES = ["ema", "swa", "average", "averaged", "averages", "averaging", "shadow", "polyak"];
/** Networks and memories that are only used in training. */
const HELPERS = ["teacher", "momentum", "target", "queue", "discriminator", "optimizer"];

/** Whole names, or the ends of names. */
const ENDS: readonly RegExp[] = [
  // State that a module stores for itself, of any type.
  /(^|\.)_extra_state$/,
  // The counter of AveragedModel.
  /(^|\.)n_averaged$/,
  /(^|\.)(class|pos|sample|label)_?weights?$/,
];

/** Returns true if a part of the name indicates averages of the weights. */
export function saysAverage(name: string): boolean {
  return hasWord(name, AVERAGES) || /avg_?(model|net|weights|params)|(model|net|weights|params)_?avg/i.test(name);
}

/** Returns true if a part of the name indicates a loss or a metric. */
export function saysLossOrMetric(name: string): boolean {
  return hasWord(name, LOSSES) || hasWord(name, METRICS);
}

/** Returns true if a tensor is certainly not part of a network, regardless of the tensors around it. */
export function isBeside(name: string, { dtype, shape, unreadable }: Tensor): boolean {
  // A count or a metric's value. A float of shape [1] may be a layer's parameter, such as a pooling's exponent.
  if (!shape.length || (!isFloat(dtype) && unreadable === undefined)) return true;
  return saysLossOrMetric(name) || saysAverage(name) || hasWord(name, HELPERS) ||
    ENDS.some((pattern) => pattern.test(name));
}

/**
 * Returns true if a tensor is the mean or the deviation of images, one number per channel, of a network that normalises
 * its images itself.
 */
export function isNormalizer(name: string, { shape }: Tensor): boolean {
  return /(^|\.)(\w*_)?(mean|std|mu|sigma)$/.test(name) && shape.reduce((n, d) => n * d, 1) === 3;
}

function hasWord(name: string, words: readonly string[]): boolean {
  const split = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[^a-z0-9]+/);
  return split.some((word) => words.includes(word));
}
