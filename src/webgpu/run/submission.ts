/**
 * A run in parts that no driver takes for a hang. Windows resets a GPU that works on one submission for 2 seconds, and
 * browsers watch theirs; a run of a large network is thousands of dispatches, and on a slow GPU takes longer than that.
 * All parts are submitted at once and awaited together, so that nothing but the number of submissions is different.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";
import { texelBytes } from "../plan/layout.ts";
import type { Plan, Step } from "../plan/plan.ts";

/** The slowest GPU that a part is measured for: multiply-adds and bytes of memory in a millisecond. */
const SLOWEST = { madds: 25e6, bytes: 5e6 } as const;

/** Milliseconds that a part may take there, a twentieth of what Windows allows; a single step may take longer. */
const MOST_MS = 100;

/** Milliseconds of a step that does next to nothing. */
const STEP_MS = 0.05;

/** Bytes of what a step reads and writes, each counted once. */
export function bytesOf(step: Step): number {
  const touched = step.kind === "copy" ? [step.from, step.to] : [...step.dispatch.reads, ...step.dispatch.writes];
  return touched.reduce((sum, resource) => sum + resource.texels * texelBytes(resource), 0);
}

/** Milliseconds of each step on the slowest GPU: a rough guess. A node's multiply-adds are shared by its dispatches. */
export function estimate({ steps }: Pick<Plan, "steps">): number[] {
  const dispatches = new Map<Node, number>();
  for (const { kind, of } of steps) if (of && kind === "dispatch") dispatches.set(of, (dispatches.get(of) ?? 0) + 1);
  return steps.map((step) => {
    const { kind, of } = step;
    const madds = of && kind === "dispatch" ? of.op.madds?.(of.operands, of.attributes, of.output.shape) ?? 0 : 0;
    const share = of && madds ? madds / dispatches.get(of)! : 0;
    return STEP_MS + Math.max(share / SLOWEST.madds, bytesOf(step) / SLOWEST.bytes);
  });
}

/** Splits what belongs to a plan's steps, one of each, into the parts of a run; at least one. */
export function partsOf<T>(plan: Pick<Plan, "steps">, ofSteps: readonly T[]): T[][] {
  const parts: T[][] = [[]];
  let milliseconds = 0;
  estimate(plan).forEach((step, i) => {
    if (milliseconds + step > MOST_MS && parts[parts.length - 1].length) {
      parts.push([]);
      milliseconds = 0;
    }
    milliseconds += step;
    parts[parts.length - 1].push(ofSteps[i]);
  });
  return parts;
}
