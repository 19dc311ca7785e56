/** Replaces `node:assert/strict` in a page, as far as tests/support/std_assert.ts uses it. */

class AssertionError extends Error {
  override name = "AssertionError";

  constructor({ message }: { message: string }) {
    super(message);
  }
}

function ok(value: unknown, message = "expected a truthy value"): void {
  if (!value) throw new AssertionError({ message });
}

function match(actual: string, expected: RegExp, message?: string): void {
  ok(expected.test(actual), message ?? `expected ${JSON.stringify(actual)} to match ${expected}`);
}

function deepStrictEqual(actual: unknown, expected: unknown, message?: string): void {
  ok(equal(actual, expected), message ?? `expected ${show(expected)}, got ${show(actual)}`);
}

function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map || a instanceof Set) return equal([...a], [...b as Iterable<unknown>]);
  const [left, right] = [a, b] as Record<string, unknown>[];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]));
}

function show(value: unknown): string {
  return ArrayBuffer.isView(value) ? `[${value}]` : String(JSON.stringify(value));
}

export default { AssertionError, ok, match, deepStrictEqual };
