/** A way for invocations to share loaded data. */
export interface Cooperation {
  /** WGSL declarations outside the entry point. */
  readonly declarations?: string;
  /** WGSL before the loops. `lane` is the invocation's number in its workgroup. */
  readonly setup: string;
  /** WGSL of the pixels that an invocation loads, relative to the tile's first pixel. */
  readonly loaded: readonly string[];
  /**
   * WGSL of the pixel of a column, and of the block of output channels, that an invocation computes. Both are relative
   * to the tile's first.
   */
  readonly pixel: (column: number) => string;
  readonly block: (output: number) => string;
  /** WGSL of a step that begins at input block `i`. It loads by {@link Loads} and adds to `a${column}_${output}`. */
  readonly step: (loads: Loads) => string;
}

/** WGSL for the loads of an invocation in a step. */
export interface Loads {
  /**
   * Returns statements that set `texel` to the invocation's pixel of that number, for input block `i` + `k`. Outside
   * the image it is zero.
   */
  readonly pixel: (number: number, k: string) => string;
  /**
   * Statements that set `w` to the weight `side` of output block `out` and input block `i` + `row`. It is zero if there
   * is none.
   */
  readonly weight: string;
}
