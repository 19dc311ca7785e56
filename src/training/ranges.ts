/**
 * Which numbers make sense as settings of training: they are refused where they are given, before a step can ruin weights.
 * The limits are torch.optim's, where it has them.
 *
 * @module
 */

import { ArgumentError } from "../errors.ts";

/** The numbers that a setting takes, all of them finite in float32. */
export interface Range {
  /** The least. */
  readonly least: number;
  /** Whether the least itself is excluded. */
  readonly above?: boolean;
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
/** Whole numbers from 1. */
export const COUNT: Range = { least: 1, whole: true };
/** Whole numbers from 0. */
export const COUNT_FROM_ZERO: Range = { least: 0, whole: true };
/** Whole numbers that float32 counts one by one. */
export const SEED: Range = { least: 0, below: 2 ** 24, whole: true };

/** Whether a number is one of the range. */
export function isWithin(value: unknown, { least, above = false, below = Infinity, whole = false }: Range): boolean {
  if (typeof value !== "number" || !Number.isFinite(Math.fround(value))) return false;
  return (above ? value > least : value >= least) && value < below && (!whole || Number.isSafeInteger(value));
}

/** "a whole number from 0 to below 16777216", "a finite number above 0". */
export function describeRange({ least, above, below, whole }: Range): string {
  const kind = whole ? "a whole number" : "a finite number";
  if (above) return `${kind} above ${least}`;
  return below === undefined ? `${kind} from ${least} up` : `${kind} from ${least} to below ${below}`;
}

/** Throws ArgumentError, naming the setting, if a number is not one of the range. */
export function checkSetting(name: string, value: number, range: Range): void {
  if (!isWithin(value, range)) throw new ArgumentError(`${name} is ${value}, expected ${describeRange(range)}`);
}
