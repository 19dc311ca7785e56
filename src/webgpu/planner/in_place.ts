/**
 * Finds parameters that may be overwritten in place by their new values. This saves the memory of the new value and a
 * copy.
 *
 * @module
 */

import type { Graph, Value } from "../../graph/graph.ts";

/**
 * Maps a computed value to the parameter that it updates, if it updates exactly one. Parameters that are outputs or
 * sources of updates are left out.
 */
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
