import type { Resource } from "../plan/kernel.ts";
import { textureRows } from "../plan/layout.ts";
import type { Plan } from "../plan/plan.ts";
import type { Life } from "./memory_plan.ts";

/** Returns the first and last step that touches each resource. Resources that no step touches are left out. */
export function livesOf({ steps, resources }: Pick<Plan, "steps" | "resources">): Map<Resource, Life> {
  const lives = new Map<Resource, Life>();
  steps.forEach((step, i) => {
    const touched = step.kind === "copy" ? [step.from, step.to] : [...step.dispatch.reads, ...step.dispatch.writes];
    for (const resource of touched) {
      const first = lives.get(resource)?.first ?? i;
      lives.set(resource, { size: textureRows(resource.texels), first, last: i });
    }
  });
  return new Map(resources.flatMap((r) => lives.has(r) ? [[r, lives.get(r)!] as const] : []));
}
