import type { PickleValue } from "./value.ts";

/** A function or class that a pickle may name. */
export class PickleGlobal {
  /** For the caller's table of globals. */
  constructor(
    /** "module.name". */
    readonly name: string,
    /** What calling it makes; a global without it is a value only (a storage type, a dtype). */
    readonly call?: (args: readonly PickleValue[]) => PickleValue,
  ) {}
}
