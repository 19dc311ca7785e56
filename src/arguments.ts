/**
 * Checks of what a program passes: nonsense is refused where it enters, with one form of message, and not where a shape no
 * longer fits or a loop no longer ends.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";

/**
 * Checks whole numbers.
 *
 * @param name what the message calls the argument
 * @param value one number, or each of a list that is not empty
 * @param least the smallest that is allowed
 * @param most the largest that is allowed
 * @throws ArgumentError if one is anything else
 */
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
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`;
  throw new ArgumentError(`${name} is ${shown(value)}, expected a whole number ${range}`);
}

/**
 * Checks a finite number above 0.
 *
 * @throws ArgumentError if it is anything else
 */
export function checkPositive(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new ArgumentError(`${name} is ${shown(value)}, expected a finite number above 0`);
}

/**
 * Checks a finite number of a range, both ends included.
 *
 * @throws ArgumentError if it is anything else
 */
export function checkNumber(name: string, value: number, least: number, most: number = Infinity): void {
  if (Number.isFinite(value) && value >= least && value <= most) return;
  const range = most === Infinity ? `from ${least} up` : `from ${least} to ${most}`;
  throw new ArgumentError(`${name} is ${shown(value)}, expected a finite number ${range}`);
}

/**
 * Checks one of a few words.
 *
 * @throws ArgumentError if it is anything else
 */
export function checkWord(name: string, value: string, words: readonly string[]): void {
  if (words.includes(value)) return;
  const quoted = words.map((word) => `"${word}"`);
  throw new ArgumentError(`${name} is ${shown(value)}, expected ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`);
}

/** A value in a message: text in quotes, lists in brackets. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
}
