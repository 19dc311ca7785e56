/**
 * The time and work of a run's steps, individually and summed by layer or kernel.
 *
 * @module
 */

import type { Plan, Step } from "../plan/plan.ts";
import type { StepTime } from "../run/executable.ts";
import { bytesOf } from "../run/submission.ts";

/** A step's time and work. */
export interface Cost extends StepTime {
  /**
   * Operations; a multiply-add counts as two. All operations of a layer are counted for its longest step. Its other
   * steps (layout, mixing) have none.
   */
  readonly flops: number;
  /** Bytes that the step reads and writes. Each resource counts once. */
  readonly bytes: number;
}

/** The sum over steps of one name. */
export interface Total {
  /** The name of the layer or kernel. */
  readonly name: string;
  /** The number of steps. */
  readonly steps: number;
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Returns the steps of a plan with their times. */
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

/** Returns costs summed by layer or kernel, in the order in which they first ran. */
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
