/**
 * Selects the parameters that a run does not train.
 *
 * @module
 */

import { TrainingError } from "../errors.ts";
import type { Model } from "../models/model/model.ts";

/**
 * Returns true if one of the patterns matches a parameter. "layer1" matches everything in that layer. "*" matches any
 * characters ("*.fc.weight").
 */
export function isFrozen(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const escaped = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join(".*")}(\\..*)?$`).test(name);
  });
}

/** Throws TrainingError if a pattern matches no parameter of the model, or if all parameters are frozen. */
export function checkFrozen(model: Model, patterns: readonly string[]): void {
  const names = [...model.network.namedParameters()].map(([name]) => name);
  const idle = patterns.find((pattern) => !names.some((name) => isFrozen(name, [pattern])));
  if (idle !== undefined) {
    const layers = [...new Set(names.map((name) => name.split(".")[0]))].join(", ");
    throw new TrainingError(`"${idle}" freezes nothing: ${model.config.arch} has the layers ${layers}`);
  }
  if (names.every((name) => isFrozen(name, patterns))) {
    throw new TrainingError("all parameters are frozen: none is left");
  }
}
