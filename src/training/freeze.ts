/**
 * Which parameters a run leaves as they are.
 *
 * @module
 */

import { TrainingError } from "../errors.ts";
import type { Model } from "../models/model/model.ts";

/**
 * Whether one of the patterns names a parameter: "layer1" names everything in that layer, "*" stands for any characters
 * ("*.fc.weight").
 */
export function isFrozen(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const escaped = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join(".*")}(\\..*)?$`).test(name);
  });
}

/** Throws TrainingError where a pattern names no parameter of the model, or all of them are frozen. */
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
