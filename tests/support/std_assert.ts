/** `@std/assert` for machines that cannot reach its registry: the same names over node:assert. */

import assertStrict from "node:assert/strict";

/** Throws unless `value` is truthy. */
export function assert(value: unknown, message?: string): asserts value {
  assertStrict.ok(value, message);
}

/** Throws unless the two are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  assertStrict.deepStrictEqual(actual, expected, message);
}

/** Throws unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assertStrict.match(actual, expected, message);
}

/** Throws unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assertStrict.ok(
    actual.includes(expected),
    message ?? `expected ${JSON.stringify(actual)} to contain ${JSON.stringify(expected)}`,
  );
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

function checkError<E extends Error>(error: unknown, errorClass: ErrorClass<E>, messageIncludes: string): E {
  assertStrict.ok(error instanceof errorClass, `expected ${errorClass.name}, got ${error}`);
  assertStringIncludes(error.message, messageIncludes);
  return error;
}

/** Throws unless `fn` throws an error of the class whose message contains the text; answers the error. */
export function assertThrows<E extends Error>(fn: () => unknown, errorClass: ErrorClass<E>, messageIncludes = ""): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes);
  }
  throw new assertStrict.AssertionError({ message: `expected ${errorClass.name}, nothing was thrown` });
}

/** As assertThrows, for a function that answers a promise. */
export async function assertRejects<E extends Error>(
  fn: () => Promise<unknown>,
  errorClass: ErrorClass<E>,
  messageIncludes = "",
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes);
  }
  throw new assertStrict.AssertionError({ message: `expected ${errorClass.name}, nothing was thrown` });
}
