/**
 * Measures the time of each variant of a node on the device.
 *
 * @module
 */

import { guarded } from "../connection/error_scopes.ts";
import type { Plan } from "../plan/plan.ts";
import type { DeviceOwner } from "../run/backend.ts";
import { DeviceMemory } from "../run/memory.ts";
import { makeCommands } from "../run/placement.ts";
import { timeTogether } from "../run/timing.ts";
import { type Candidate, stepsOf } from "./candidates.ts";

/** Measurements of a variant. The shortest counts, because other load on the machine only adds time. */
const ROUNDS = 3;

/** A measurement repeats short commands until it lasts this many milliseconds, but at most this many times. */
const LEAST_MS = 2, MOST_REPEATS = 32;

/** A variant that takes this much longer than the best so far is not measured again. */
const HOPELESS = 1.5;

/** Returns the milliseconds of each variant by its name. Throws DeviceError if the device fails. */
export async function measureCandidate(
  backend: DeviceOwner,
  { variants, plans }: Candidate,
): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  // Compiles all pipelines in parallel. Errors are thrown below, where the pipelines are used.
  for (const plan of plans) {
    for (const step of stepsOf(plan)) {
      if (step.kind === "dispatch") backend.pipeline(step.dispatch.shader).catch(() => {});
    }
  }
  for (const [i, plan] of plans.entries()) {
    times.set(variants[i].name, await measurePlan(backend, plan, Math.min(...times.values())));
  }
  return times;
}

async function measurePlan(backend: DeviceOwner, plan: Plan, best: number): Promise<number> {
  const { device } = backend;
  const wanted = new Set(stepsOf(plan));
  // Operands are zeros. Kernels take the same time with other numbers.
  const memory = await guarded(device, "allocating memory to tune", () => new DeviceMemory(device, plan));
  try {
    const all = await makeCommands(backend, plan, memory);
    const own = all.filter((_, step) => wanted.has(plan.steps[step]));
    // Copies before the first kernel provide an operand. They are the same for every variant.
    const commands = own.slice(Math.max(0, own.findIndex(({ kind }) => kind === "dispatch")));
    // The first run compiles, because some drivers postpone compilation until then.
    await timeTogether(device, commands);
    let shortest = await timeTogether(device, commands);
    const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(LEAST_MS / shortest)));
    const repeated = Array.from({ length: repeats }, () => commands).flat();
    for (let round = 1; round < ROUNDS && shortest < HOPELESS * best; round++) {
      shortest = Math.min(shortest, await timeTogether(device, repeated) / repeats);
    }
    backend.check();
    // The measurement has fewer than six exact digits.
    return Number(shortest.toPrecision(6));
  } finally {
    memory.destroy();
  }
}
