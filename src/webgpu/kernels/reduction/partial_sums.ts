import { type Dispatch, dispatch, type Resource } from "../../plan/kernel.ts";
import type { PlanContext } from "../../plan/plan.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** Adjacent tensors of one size. */
export interface Copies {
  readonly from: Resource;
  /** The first texel of the first tensor; 0 if left out. */
  readonly first?: number;
  readonly copies: number;
}

/** Most copies that one invocation sums. More copies are summed in two steps. */
const MOST_COPIES = 256;

/** Copies that are added in one chain. Short chains have small rounding errors. */
const SHORT = 16;

/** Plans the sum of the copies. */
export function sumCopies({ from, first = 0, copies }: Copies, to: Resource, context: PlanContext): void {
  if (copies <= MOST_COPIES) return context.emit(sumSome({ from, first, copies }, 1, to));
  const parts = Math.ceil(Math.sqrt(copies));
  const some = context.scratch(`${to.label} parts`, parts * to.texels);
  context.emit(sumSome({ from, first, copies }, parts, some));
  context.emit(sumSome({ from: some, first: 0, copies: parts }, 1, to));
}

/** Returns a dispatch that writes `parts` sums. Each sums its share of the copies. */
function sumSome({ from, first, copies }: Required<Copies>, parts: number, to: Resource): Dispatch {
  return dispatch({
    label: "sum_copies",
    reads: { x: from },
    writes: { y: to },
    uniforms: { first, copies, texels: to.texels / parts, share: Math.ceil(copies / parts) },
    invocations: to.texels,
    body: wgsl`
      let part = id / u.texels;
      let at = u.first + id % u.texels;
      let end = min(u.copies, (part + 1u) * u.share);
      var sum = vec4f();
      for (var first = part * u.share; first < end; first += ${SHORT}u) {
        var run = vec4f();
        for (var copy = first; copy < min(end, first + ${SHORT}u); copy++) { run += x(at + copy * u.texels); }
        sum += run;
      }
      y[id] = sum;`,
  });
}

/** A device is not fully used with fewer invocations than this. */
const ENOUGH = { software: 2 ** 9, hardware: 2 ** 14 } as const;

/** Returns how many parts to split the sums of that many invocations into; at most `most`. */
export function splitsFor(invocations: number, { capabilities }: PlanContext, most: number): number {
  return Math.max(1, Math.min(most, Math.ceil(ENOUGH[capabilities.profile] / invocations)));
}
