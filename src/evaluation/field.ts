/**
 * Reads JSON from unknown sources. Every value is checked.
 *
 * @module
 */

import { describeRange, isWithin } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";

/** A value of a JSON file with its path. Each method throws DataError if the value has another type. */
export class Field {
  readonly #value: unknown;
  readonly #path: string;

  /** `path` is the value's name in messages. */
  constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  /** Returns a member of an object. A missing member fails only when it is read. */
  get(key: string): Field {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) {
      this.#fail("an object");
    }
    const object = this.#value as Record<string, unknown>;
    return new Field(Object.hasOwn(object, key) ? object[key] : undefined, `${this.#path}: ${key}`);
  }

  /** Returns the parsed member, or undefined if it is missing. */
  optional<T>(key: string, parse: (field: Field) => T): T | undefined {
    const field = this.get(key);
    return field.#value === undefined ? undefined : parse(field);
  }

  /** Returns a string. */
  string(): string {
    return typeof this.#value === "string" ? this.#value : this.#fail("a text");
  }

  /** Returns a finite number. */
  number(): number {
    return typeof this.#value === "number" && Number.isFinite(this.#value) ? this.#value : this.#fail("a number");
  }

  /** Returns a whole number within the limits. */
  integer(least: number, most?: number): number {
    const range = { least, most, whole: true };
    return isWithin(this.#value, range) ? this.#value : this.#fail(describeRange(range));
  }

  /** Returns one of the given strings. */
  oneOf<T extends string>(texts: readonly T[]): T {
    return texts.find((text) => text === this.#value) ?? this.#fail(texts.map((text) => `"${text}"`).join(" or "));
  }

  /** Returns three numbers, one for each channel. */
  channels(): [number, number, number] {
    const numbers = this.list((channel) => channel.number(), 3);
    return numbers.length === 3 ? [numbers[0], numbers[1], numbers[2]] : this.#fail("three numbers");
  }

  /** Returns the parsed items of a list. */
  list<T>(parse: (field: Field) => T, longest = Infinity): T[] {
    const value = this.#value;
    if (!Array.isArray(value) || value.length > longest) {
      return this.#fail(longest < Infinity ? `a list of at most ${longest}` : "a list");
    }
    return value.map((item, i) => parse(new Field(item, `${this.#path}[${i}]`)));
  }

  /** Returns the value for a message, cut if it is long. */
  shown(): string {
    return excerpt(this.#value);
  }

  #fail(expected: string): never {
    throw new DataError(`${this.#path} is ${this.shown()}, expected ${expected}`);
  }
}
