/**
 * Where in a run parameters take their new values: each as soon as nothing reads the old one any more, so that the
 * memory of the new one is free again early.
 *
 * @module
 */

import type { Resource } from "./kernel.ts";
import type { Step } from "./planner.ts";

/** A parameter's buffer and what it holds when a run has ended. */
export interface Update {
  /** The parameter's name. */
  readonly name: string;
  readonly from: Resource;
  readonly to: Resource;
}

/**
 * The steps with the updates' copies among them. Every step sees the parameters as they were when the run began; where an
 * update is itself taken from a parameter that is updated, that one must have been saved (see the planner).
 */
export function placeUpdates(steps: readonly Step[], updates: readonly Update[]): Step[] {
  const lastUse = new Map<Resource, number>();
  steps.forEach((step, i) => {
    const touched = step.kind === "copy" ? [step.from, step.to] : [...step.dispatch.reads, step.dispatch.writes];
    touched.forEach((resource) => lastUse.set(resource, i));
  });
  const copiesAfter = new Map<number, Step[]>();
  for (const { name, from, to } of updates) {
    const after = Math.max(lastUse.get(from) ?? -1, lastUse.get(to) ?? -1);
    const copies = copiesAfter.get(after) ?? [];
    copiesAfter.set(after, copies);
    copies.push({ kind: "copy", node: name, from, to });
  }
  const at = (i: number) => copiesAfter.get(i) ?? [];
  return [...at(-1), ...steps.flatMap((step, i) => [step, ...at(i)])];
}
