/**
 * What follows the sum of a convolution, whichever kernel forms it.
 *
 * @module
 */

import type { Activation } from "../../../../graph/ops/shared.ts";
import type { Resource } from "../../../plan/kernel.ts";
import { activate } from "../../wgsl/activate.ts";

/** What happens to a sum before it is stored: activation(filter * sum + bias + residual). */
export interface Epilogue {
  /** [B, Cout] */
  readonly filter?: Resource;
  /** [Cout] */
  readonly bias?: Resource;
  /** The output's shape. */
  readonly residual?: Resource;
  readonly activation: Activation;
}

/** WGSL that stores `sum` for block `o` of sample `s` at texel `at`; `bias_v` and `filter_v` hold the block's values. */
export function store({ filter, bias, residual, activation }: Epilogue, sum: string, suffix: string): string {
  return `y[at] = ${finished({ filter, bias, residual, activation }, sum, suffix)};`;
}

/** WGSL of what {@link store} stores. */
export function finished({ filter, bias, residual, activation }: Epilogue, sum: string, suffix: string): string {
  let value = filter ? `${sum} * filter${suffix}` : sum;
  if (bias) value += ` + bias${suffix}`;
  if (residual) value += " + residual(at)";
  return activate(activation, value);
}

/** WGSL that loads the epilogue's values of block `o` of sample `s` into names ending in `suffix`. */
export function loadEpilogue({ filter, bias }: Epilogue, o: string, suffix: string): string {
  return `${filter ? `  let filter${suffix} = filters(s * u.out_blocks + ${o});\n` : ""}${
    bias ? `  let bias${suffix} = bias(${o});\n` : ""
  }`;
}
