/** How invocations share what they load. */
export interface Cooperation {
  /** WGSL declarations outside the entry point. */
  readonly declarations?: string;
  /** WGSL before the loops; `lane` is the invocation's number within its workgroup. */
  readonly setup: string;
  /** The pixels that an invocation loads, as WGSL relative to the tile's first. */
  readonly loaded: readonly string[];
  /** The pixel of a column, and the block of output channels, that an invocation computes: relative to the tile's first. */
  readonly pixel: (column: number) => string;
  readonly block: (output: number) => string;
  /** WGSL of a step, from input block `i` on: loads by {@link Loads} and adds to `a${column}_${output}`. */
  readonly step: (loads: Loads) => string;
}

/** WGSL of what an invocation loads in a step. */
export interface Loads {
  /** The texel of its pixel of that number, of input block `i` + `k`; zero where there is none. */
  readonly pixel: (number: number, k: string) => string;
  /** Statements that set `w` to the weight `side` of the block of outputs `out`, of input block `i` + `row`, if it is there. */
  readonly weight: string;
}
