/**
 * Reading JSON of strangers: value by value, each checked.
 *
 * @module
 */

import { describeRange, isWithin } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";

/** A value of a JSON file, which knows where it stands. Each method throws DataError where it is something else. */
export class Field {
  readonly #value: unknown;
  readonly #path: string;

  /** `path` names the value in messages. */
  constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  /** A member of an object; what is missing fails only when it is read. */
  get(key: string): Field {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) {
      this.#fail("an object");
    }
    const object = this.#value as Record<string, unknown>;
    return new Field(Object.hasOwn(object, key) ? object[key] : undefined, `${this.#path}: ${key}`);
  }

  /** What `parse` makes of a member, or undefined where there is none. */
  optional<T>(key: string, parse: (field: Field) => T): T | undefined {
    const field = this.get(key);
    return field.#value === undefined ? undefined : parse(field);
  }

  /** A text. */
  string(): string {
    return typeof this.#value === "string" ? this.#value : this.#fail("a text");
  }

  /** A finite number. */
  number(): number {
    return typeof this.#value === "number" && Number.isFinite(this.#value) ? this.#value : this.#fail("a number");
  }

  /** A whole number within the limits. */
  integer(least: number, most?: number): number {
    const range = { least, most, whole: true };
    return isWithin(this.#value, range) ? this.#value : this.#fail(describeRange(range));
  }

  /** One of a few texts. */
  oneOf<T extends string>(texts: readonly T[]): T {
    return texts.find((text) => text === this.#value) ?? this.#fail(texts.map((text) => `"${text}"`).join(" or "));
  }

  /** Three numbers: one for each channel. */
  channels(): [number, number, number] {
    const numbers = this.list((channel) => channel.number(), 3);
    return numbers.length === 3 ? [numbers[0], numbers[1], numbers[2]] : this.#fail("three numbers");
  }

  /** What `parse` makes of each item of a list. */
  list<T>(parse: (field: Field) => T, longest = Infinity): T[] {
    const value = this.#value;
    if (!Array.isArray(value) || value.length > longest) {
      return this.#fail(longest < Infinity ? `a list of at most ${longest}` : "a list");
    }
    return value.map((item, i) => parse(new Field(item, `${this.#path}[${i}]`)));
  }

  /** The value in a message, cut where it is long. */
  shown(): string {
    return excerpt(this.#value);
  }

  #fail(expected: string): never {
    throw new DataError(`${this.#path} is ${this.shown()}, expected ${expected}`);
  }
}
