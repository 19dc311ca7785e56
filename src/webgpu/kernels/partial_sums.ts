import { type Dispatch, dispatch, type Resource } from "../kernel.ts";
import type { PlanContext } from "../plan.ts";

/** The sum of `copies` tensors that lie one after the other. */
export function sumCopies(from: Resource, copies: number, to: Resource): Dispatch {
  return dispatch({
    label: "sum_copies",
    reads: { x: from },
    writes: { y: to },
    uniforms: { copies },
    invocations: to.texels,
    body: `
  var sum = vec4f();
  for (var copy = 0u; copy < u.copies; copy++) { sum += x(copy * u.count + id); }
  y[id] = sum;`,
  });
}

/** Invocations below which a device idles. */
const ENOUGH = { texture: 2 ** 9, buffer: 2 ** 14 } as const;

/** How many ways, at most, to split the sums of so many invocations. */
export function splitsFor(invocations: number, { capabilities }: PlanContext, most: number): number {
  return Math.max(1, Math.min(most, Math.ceil(ENOUGH[capabilities.operands] / invocations)));
}
