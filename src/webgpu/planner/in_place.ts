/**
 * Which parameters may be overwritten by their new values where they lie: no memory for the new value, no copy.
 *
 * @module
 */

import type { Graph, Value } from "../../graph/graph.ts";

/** For every computed value that becomes one parameter and no other, that parameter; none that a run answers or copies. */
export function replacedParameters({ updates, outputs }: Graph): Map<Value, Value> {
  const taken = new Set<Value>([...outputs.values(), ...updates.values()]);
  const replaced = new Map<Value, Value>();
  const several = new Set<Value>();
  for (const [parameter, value] of updates) {
    if (replaced.has(value)) several.add(value);
    if (value.source.kind === "node" && !taken.has(parameter)) replaced.set(value, parameter);
  }
  several.forEach((value) => replaced.delete(value));
  return replaced;
}
