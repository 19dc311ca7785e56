/**
 * Splits a run into several submissions, so that no driver takes it for a hang. Windows resets a GPU that works on one
 * submission for 2 seconds. Browsers have similar limits. A run of a large network is thousands of dispatches, which
 * can take longer on a slow GPU. All parts are submitted at once and awaited together, so only the number of
 * submissions changes.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";
import { texelBytes } from "../plan/layout.ts";
import type { Plan, Step } from "../plan/plan.ts";

/** The slowest GPU that the parts are sized for: multiply-adds and bytes of memory per millisecond. */
const SLOWEST = { madds: 25e6, bytes: 5e6 } as const;

/**
 * Milliseconds that a part may take on that GPU: a twentieth of the limit of Windows. A single step may take longer.
 */
const MOST_MS = 100;

/** Milliseconds of a step that does almost nothing. */
const STEP_MS = 0.05;

/** Bytes that a step reads and writes. Each resource counts once. */
export function bytesOf(step: Step): number {
  const touched = step.kind === "copy" ? [step.from, step.to] : [...step.dispatch.reads, ...step.dispatch.writes];
  return touched.reduce((sum, resource) => sum + resource.texels * texelBytes(resource), 0);
}

/**
 * Returns a rough guess of each step's milliseconds on the slowest GPU. A node's multiply-adds are split evenly among
 * its dispatches.
 */
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

/** Splits a list with one item per step into the parts of a run. Returns at least one part. */
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
