/** Replaces `@std/assert` on machines that cannot reach its registry: the same names over node:assert. */

import assertStrict from "node:assert/strict";

/** Throws unless `value` is truthy. */
export const assert: (value: unknown, message?: string) => asserts value = assertStrict.ok;

/** Throws unless the two are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = assertStrict.deepStrictEqual;

/** Throws unless `actual` matches. */
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void = assertStrict.match;

/** Throws unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assertStrict.ok(
    actual.includes(expected),
    message ?? `expected ${JSON.stringify(actual)} to contain ${JSON.stringify(expected)}`,
  );
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Throws unless `fn` throws an error of this class whose message contains the text; returns the error. */
export function assertThrows<E extends Error>(fn: () => unknown, errorClass: ErrorClass<E>, messageIncludes = ""): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes);
  }
  throw nothingThrown(errorClass);
}

/** As assertThrows, for a function that returns a promise. */
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
  throw nothingThrown(errorClass);
}

function checkError<E extends Error>(error: unknown, errorClass: ErrorClass<E>, messageIncludes: string): E {
  assertStrict.ok(error instanceof errorClass, `expected ${errorClass.name}, got ${error}`);
  assertStringIncludes(error.message, messageIncludes);
  return error;
}

function nothingThrown({ name }: { readonly name: string }): Error {
  return new assertStrict.AssertionError({ message: `expected ${name}, nothing was thrown` });
}
