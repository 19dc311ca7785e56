/**
 * Ranges of numbers, and checks of what a program passes: nonsense is refused where it enters, with one form of message, and not where a shape no
 * longer fits, a loop no longer ends, or weights are ruined. Limits of training are torch.optim's, if it has them.
 *
 * @module
 */

import { ArgumentError } from "./errors.ts";

/** Which numbers are taken, all of them finite in float32. */
export interface Range {
  /** The least. */
  readonly least: number;
  /** Whether the least itself is excluded. */
  readonly above?: boolean;
  /** The largest; there is none if left out. */
  readonly most?: number;
  /** All are below this; there is no limit if left out. */
  readonly below?: number;
  /** Whether only whole numbers are taken. */
  readonly whole?: boolean;
}

/** 0 and more. */
export const FROM_ZERO: Range = { least: 0 };
/** More than 0. */
export const ABOVE_ZERO: Range = { least: 0, above: true };
/** From 0 to below 1. */
export const SHARE: Range = { least: 0, below: 1 };
/** From 0 to 1. */
export const PROBABILITY: Range = { least: 0, most: 1 };
/** Whole numbers from 1. */
export const COUNT: Range = { least: 1, whole: true };
/** Whole numbers from 0. */
export const COUNT_FROM_ZERO: Range = { least: 0, whole: true };
/** Whole numbers that float32 counts one by one. */
export const SEED: Range = { least: 0, below: 2 ** 24, whole: true };

/** Whether a value is a number of the range. */
export function isWithin(
  value: unknown,
  { least, above, most = Infinity, below = Infinity, whole }: Range,
): value is number {
  if (typeof value !== "number" || !Number.isFinite(Math.fround(value))) return false;
  if (whole && !Number.isSafeInteger(value)) return false;
  return (above ? value > least : value >= least) && value <= most && value < below;
}

/** "a whole number from 0 to below 16777216", "a finite number above 0". */
export function describeRange({ least, above, most, below, whole }: Range): string {
  const kind = whole ? "a whole number" : "a finite number";
  if (above) return `${kind} above ${least}`;
  if (most !== undefined) return `${kind} from ${least} to ${most}`;
  return below === undefined ? `${kind} from ${least} up` : `${kind} from ${least} to below ${below}`;
}

/**
 * Checks a number, or each of a list that is not empty.
 *
 * @param name what the message calls the argument
 * @throws ArgumentError if one is not within the range
 */
export function checkNumber(name: string, value: number | readonly number[], range: Range): void {
  const all = [value].flat();
  if (all.length > 0 && all.every((number) => isWithin(number, range))) return;
  throw new ArgumentError(`${name} is ${shown(value)}, expected ${describeRange(range)}`);
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
