/**
 * Trying again what may work the next time: a connection that broke, a server that is busy.
 *
 * @module
 */

import { checkNumber, COUNT_FROM_ZERO, FROM_ZERO } from "../../arguments.ts";
import { CheckpointError } from "../../errors.ts";

/** How often, and after which time. */
export interface RetryOptions {
  /** Attempts after the first; 4 if left out. */
  readonly retries?: number;
  /** Milliseconds before the first retry, unless the server says how long to wait; doubles with each. 1000 if left out. */
  readonly retryDelay?: number;
}

/** Throws ArgumentError if there would be no last attempt, or no wait. */
export function checkRetryOptions({ retries = 0, retryDelay = 0 }: RetryOptions): void {
  checkNumber("retries", retries, COUNT_FROM_ZERO);
  checkNumber("retryDelay", retryDelay, FROM_ZERO);
}

/** A failure after which another attempt makes sense. */
export class Broken extends Error {
  /** `wait`: milliseconds to the next attempt, where that is known. */
  constructor(message: string, readonly wait?: number) {
    super(message);
  }
}

/** Statuses that may pass: timeout, too many requests, and the server's own troubles. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Longest wait that a server may ask for, in seconds. */
const MAX_WAIT = 60;

/** Does `work` until it does not throw Broken. Throws CheckpointError, calling the thing `name`, after the last attempt. */
export async function retry<T>(
  name: string,
  { retries = 4, retryDelay = 1000 }: RetryOptions,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0;; attempt++) {
    let wait = retryDelay * 2 ** attempt;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      if (attempt >= retries) throw new CheckpointError(`${name}: ${error.message}, after ${retries + 1} attempts`);
      wait = error.wait ?? wait;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** How messages say what a server answered. */
export function describeStatus({ status, statusText }: Response): string {
  return `the server answers ${status} ${statusText}`.trimEnd();
}

/** Throws Broken where the server's answer is one that may pass; the answer is let go of then. */
export async function checkPassing(response: Response): Promise<void> {
  if (!PASSING.has(response.status)) return;
  await response.body?.cancel();
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  throw new Broken(describeStatus(response), seconds >= 0 ? 1000 * Math.min(seconds, MAX_WAIT) : undefined);
}
