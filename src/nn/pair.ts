import { ArgumentError } from "../errors.ts";
import type { Pair } from "../graph/ops/shared.ts";

/** A single number counts for both directions. Throws ArgumentError if a list has not two. */
export function pair(name: string, value: number | Pair): Pair {
  if (typeof value === "number") return [value, value];
  if (value.length !== 2) throw new ArgumentError(`${name} is [${value.join(", ")}], expected a number or a pair`);
  return value;
}
