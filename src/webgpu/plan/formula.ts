/**
 * An elementwise operator's arithmetic, which a plan may put off until its result is read.
 *
 * @module
 */

import type { Value } from "../../graph/graph.ts";

/** Operands by name. */
export type Values = Readonly<Record<string, Value | undefined>>;

/** The names that values, constants and what the setup made have in a shader. */
export type Names = Readonly<Record<string, string>>;

/** The result's texels from those of operands, each WGSL a function of what values are called there. What is left out has no name. */
export interface Formula {
  /** Operands of the result's shape, read where the result is written. */
  readonly texels?: Values;
  /** Operands [B, C]: numbers of a plane. */
  readonly planes?: Values;
  /** Operands [C]. */
  readonly channels?: Values;
  /** Operands [1], f32. */
  readonly numbers?: Values;
  /** Constants, f32. */
  readonly floats?: Readonly<Record<string, number>>;
  /** WGSL of what is the same all over a plane, by name. */
  readonly setup?: Readonly<Record<string, (names: Names) => string>>;
  /** WGSL of the result, a vec4f. */
  readonly result: (names: Names) => string;
  /** The parameter that the result replaces, if it does; one of the texels. */
  readonly over?: Value;
}
