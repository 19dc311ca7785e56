/**
 * Retries after failures that may pass: a broken connection, a busy server.
 *
 * @module
 */

import { checkNumber, COUNT_FROM_ZERO, FROM_ZERO } from "../../arguments.ts";
import { CheckpointError } from "../../errors.ts";

/** The number of retries, and the delay between them. */
export interface RetryOptions {
  /**
   * Attempts after the first one.
   * @default 4
   */
  readonly retries?: number;
  /**
   * Milliseconds before the first retry, unless the server gives a time. Doubles with each retry.
   * @default 1000
   */
  readonly retryDelay?: number;
}

/** Throws ArgumentError if the number of retries or the delay is invalid. */
export function checkRetryOptions({ retries = 0, retryDelay = 0 }: RetryOptions): void {
  checkNumber("retries", retries, COUNT_FROM_ZERO);
  checkNumber("retryDelay", retryDelay, FROM_ZERO);
}

/** A failure that may not occur again on another attempt. */
export class Broken extends Error {
  /** `wait`: milliseconds until the next attempt, if known. */
  constructor(message: string, readonly wait?: number) {
    super(message);
  }
}

/** Statuses that may pass: timeout, too many requests, and server errors. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The longest wait that a server may ask for, in seconds. */
const MAX_WAIT = 60;

/**
 * Runs `work` until it does not throw Broken. After the last attempt, throws CheckpointError with `name` in the
 * message.
 */
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

/** Formats a server's status for messages. */
export function describeStatus({ status, statusText }: Response): string {
  return `the server answers ${status} ${statusText}`.trimEnd();
}

/** Throws Broken if the response's status may pass. The response's body is cancelled then. */
export async function checkPassing(response: Response): Promise<void> {
  if (!PASSING.has(response.status)) return;
  await response.body?.cancel();
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  throw new Broken(describeStatus(response), seconds >= 0 ? 1000 * Math.min(seconds, MAX_WAIT) : undefined);
}
