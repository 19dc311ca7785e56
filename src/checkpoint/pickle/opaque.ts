/**
 * The stand-in for objects of unknown classes in a pickle's result.
 *
 * @module
 */

import type { PickleValue } from "./value.ts";

/** An object of an unknown class. Nothing of the class is run. What the pickle says about the object is kept. */
export class Opaque {
  /** The contents of a subclass of dict. Undefined if nothing was set by key. */
  items?: Map<PickleValue, PickleValue>;
  /** The contents of a subclass of list or set. Undefined if nothing was appended. */
  list?: PickleValue[];
  /** Its state, usually its attributes by name. Undefined if it has none. */
  state?: PickleValue;

  /** Called when a pickle makes an object of the class. */
  constructor(
    /** The class, as "module.name". */
    readonly name: string,
    /** The arguments of the call to the class. */
    readonly args: readonly PickleValue[] = [],
  ) {}
}

/**
 * Returns a value that is a dict, or the contents of an object of a subclass of dict. Returns undefined for all others.
 */
export function asDict(value: PickleValue): Map<PickleValue, PickleValue> | undefined {
  return value instanceof Map ? value : value instanceof Opaque ? value.items : undefined;
}
