import type { PickleValue } from "./value.ts";

/** A function or class that a pickle may name. */
export class PickleGlobal {
  /** Makes an entry for the caller's table of globals. */
  constructor(
    /** "module.name". */
    readonly name: string,
    /** Makes the result of a call. A global without it is only a value (a storage type, a dtype). */
    readonly call?: (args: readonly PickleValue[]) => PickleValue,
  ) {}
}
