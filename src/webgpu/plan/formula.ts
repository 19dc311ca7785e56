/**
 * The arithmetic of an elementwise operator. A plan may defer it until the result is read.
 *
 * @module
 */

import type { Value } from "../../graph/graph.ts";

/** Operands by name. */
export type Values = Readonly<Record<string, Value | undefined>>;

/** The shader names of operands, constants and setup results. */
export type Names = Readonly<Record<string, string>>;

/**
 * Computes the result's texels from texels of operands. Each function returns WGSL for given shader names. Absent
 * operands have no name.
 */
export interface Formula {
  /** Operands of the result's shape. They are read where the result is written. */
  readonly texels?: Values;
  /** Operands [B, C]: one number per plane. */
  readonly planes?: Values;
  /** Operands [C]. */
  readonly channels?: Values;
  /** Operands [1], f32. */
  readonly numbers?: Values;
  /** Constants, f32. */
  readonly floats?: Readonly<Record<string, number>>;
  /** WGSL of expressions that are constant within a plane, by name. */
  readonly setup?: Readonly<Record<string, (names: Names) => string>>;
  /** WGSL of the result, a vec4f. */
  readonly result: (names: Names) => string;
  /** The parameter that the result replaces, if any. It is one of `texels`. */
  readonly over?: Value;
}
