/**
 * Where in a run parameters take their new values: once nothing reads the old one any more, many at a time, because a
 * copy interrupts the dispatches, but before the new values waiting take much memory.
 *
 * @module
 */

import type { Resource } from "../plan/kernel.ts";
import type { Step } from "../plan/plan.ts";

/** Texels of new values that wait at most: 32 MiB. */
const MOST_WAITING = 2 ** 21;

/** A parameter's buffer and what it holds when a run has ended. */
export interface Update {
  /** The parameter's name. */
  readonly name: string;
  readonly from: Resource;
  readonly to: Resource;
}

type Copy = Step & { kind: "copy" };

/**
 * The steps with the updates' copies among them. Every step sees the parameters as they were when the run began; where an
 * update is itself taken from a parameter that is updated, that one must have been saved (see the planner).
 */
export function placeUpdates(steps: readonly Step[], updates: readonly Update[]): Step[] {
  const lastUse = new Map<Resource, number>();
  steps.forEach((step, i) => {
    const touched = step.kind === "copy" ? [step.from, step.to] : [...step.dispatch.reads, ...step.dispatch.writes];
    touched.forEach((resource) => lastUse.set(resource, i));
  });
  const ready = new Map<number, Copy[]>();
  for (const { name, from, to } of updates) {
    const after = Math.max(lastUse.get(from) ?? -1, lastUse.get(to) ?? -1);
    const copies = ready.get(after) ?? [];
    ready.set(after, copies);
    copies.push({ kind: "copy", node: name, from, to });
  }
  const placed: Step[] = [];
  let waiting = ready.get(-1) ?? [];
  steps.forEach((step, i) => {
    placed.push(step);
    waiting.push(...ready.get(i) ?? []);
    if (waiting.reduce((texels, copy) => texels + copy.to.texels, 0) < MOST_WAITING) return;
    placed.push(...waiting);
    waiting = [];
  });
  return [...placed, ...waiting];
}
