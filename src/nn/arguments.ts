/**
 * Checks of what layers are given: nonsense is refused where it is said, not where a shape no longer fits.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";

/** Throws ShapeError, naming the argument, where one of its values is not a whole number from `least` to `most`. */
export function checkWhole(
  name: string,
  value: number | readonly number[],
  least: number = 1,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  const all = [value].flat();
  if (all.length > 0 && all.every((number) => Number.isSafeInteger(number) && number >= least && number <= most)) {
    return;
  }
  const found = Array.isArray(value) ? `[${value.join(", ")}]` : value;
  throw new ShapeError(
    `${name} is ${found}, expected a whole number from ${least} ${
      most === Number.MAX_SAFE_INTEGER ? "up" : `to ${most}`
    }`,
  );
}

/** Throws ShapeError, naming the argument, where it is not a finite number above 0. */
export function checkPositive(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new ShapeError(`${name} is ${value}, expected a finite number above 0`);
}
