/**
 * What stands in a pickle's result for an object of a class that is not known here.
 *
 * @module
 */

import type { PickleValue } from "./value.ts";

/** An object of a class that is not known here. Nothing of the class is run; what the pickle says of the object is kept. */
export class Opaque {
  /** What a subclass of dict holds; undefined where nothing was set by key. */
  items?: Map<PickleValue, PickleValue>;
  /** What a subclass of list or set holds; undefined where nothing was appended. */
  list?: PickleValue[];
  /** Its state, most often its attributes by name; undefined where it has none. */
  state?: PickleValue;

  /** Called when a pickle makes an object of the class. */
  constructor(
    /** The class, "module.name". */
    readonly name: string,
    /** What the class was called with. */
    readonly args: readonly PickleValue[] = [],
  ) {}
}

/** The dict that a value is, or that an object of a subclass of dict holds; undefined for all others. */
export function asDict(value: PickleValue): Map<PickleValue, PickleValue> | undefined {
  return value instanceof Map ? value : value instanceof Opaque ? value.items : undefined;
}
