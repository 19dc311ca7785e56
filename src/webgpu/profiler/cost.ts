/**
 * What the steps of a run cost and did, alone and summed by layer or kernel.
 *
 * @module
 */

import type { Plan, Step } from "../plan/plan.ts";
import type { StepTime } from "../run/executable.ts";
import { bytesOf } from "../run/submission.ts";

/** A step's time and work. */
export interface Cost extends StepTime {
  /**
   * Operations, two a multiply-add. A layer's are counted for the longest of its steps; those beside it (layout, mixing)
   * have none.
   */
  readonly flops: number;
  /** Bytes of what it reads and writes, each counted once. */
  readonly bytes: number;
}

/** Steps of one name together. */
export interface Total {
  /** The layer or the kernel. */
  readonly name: string;
  /** How many. */
  readonly steps: number;
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
}

/** The steps of a plan with their times. */
export function costsOf({ steps }: Pick<Plan, "steps">, times: readonly StepTime[]): Cost[] {
  const longest = new Map<Step["of"], number>();
  steps.forEach(({ of }, i) => {
    const most = longest.get(of);
    if (of && (most === undefined || times[i].milliseconds > times[most].milliseconds)) longest.set(of, i);
  });
  return steps.map((step, i) => {
    const { of } = step;
    const multiplyAdds = of && longest.get(of) === i ? of.op.madds?.(of.operands, of.attributes, of.output.shape) : 0;
    return { ...times[i], flops: 2 * (multiplyAdds ?? 0), bytes: bytesOf(step) };
  });
}

/** Costs summed by layer or kernel, in the order in which they first ran. */
export function totalsBy(key: "node" | "kernel", costs: readonly Cost[]): Total[] {
  const totals = new Map<string, Total>();
  for (const cost of costs) {
    const name = cost[key];
    const { steps, milliseconds, flops, bytes } = totals.get(name) ?? { steps: 0, milliseconds: 0, flops: 0, bytes: 0 };
    totals.set(name, {
      name,
      steps: steps + 1,
      milliseconds: milliseconds + cost.milliseconds,
      flops: flops + cost.flops,
      bytes: bytes + cost.bytes,
    });
  }
  return [...totals.values()];
}
