/**
 * Decides when in a run parameters take their new values. A copy must wait until nothing reads the old value any more.
 * Many copies are done at once, because a copy interrupts the dispatches. But they are done before the waiting new
 * values take much memory.
 *
 * @module
 */

import type { Resource } from "../plan/kernel.ts";
import type { Step } from "../plan/plan.ts";

/** Most texels of new values that wait: 32 MiB. */
const MOST_WAITING = 2 ** 21;

/** A parameter's buffer and the buffer of its next value. */
export interface Update {
  /** The parameter's name. */
  readonly name: string;
  readonly from: Resource;
  readonly to: Resource;
}

type Copy = Step & { kind: "copy" };

/**
 * Inserts the copies of the updates into the steps. Every step sees the parameters as they were when the run began. If
 * an update's source is itself an updated parameter, the planner must have saved that parameter before.
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
