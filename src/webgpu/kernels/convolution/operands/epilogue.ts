/**
 * What follows the sum of a convolution, whichever kernel forms it.
 *
 * @module
 */

import type { Activation } from "../../../../graph/ops/shared.ts";
import type { Resource } from "../../../plan/kernel.ts";
import { activate } from "../../wgsl/activate.ts";
import type { Wgsl } from "../../wgsl/wgsl.ts";

/** What happens to a sum before it is stored: activation(filter * sum + bias + residual). */
export interface Epilogue {
  /** [B, Cout] */
  readonly filter?: Resource;
  /** [Cout], or [B, Cout] */
  readonly bias?: Resource;
  /** Whether each sample has a bias of its own; false if left out. */
  readonly perSampleBias?: boolean;
  /** The output's shape. */
  readonly residual?: Resource;
  readonly activation: Activation;
}

/**
 * WGSL that stores `sum` for the block whose values {@link loadEpilogue} has loaded at texel `at`; of one that is whole only if
 * `isWhole`, WGSL of a bool, the sum itself until then.
 */
export function store({ filter, bias, residual, activation }: Epilogue, sum: string, isWhole?: string): string {
  let value = filter ? `${sum} * filter_v` : sum;
  if (bias) value += " + bias_v";
  if (residual) value += " + residual(at)";
  const result = activate(activation, "value");
  return `let value = ${value}; y[at] = ${isWhole ? `select(${sum}, ${result}, ${isWhole})` : result};`;
}

/** WGSL that loads the epilogue's values of block `o` of sample `s`. */
export function loadEpilogue({ filter, bias, perSampleBias }: Epilogue, o: string): Wgsl {
  const ofSample = `s * u.out_blocks + ${o}`;
  return [
    filter && `let filter_v = filters(${ofSample});`,
    bias && `let bias_v = bias(${perSampleBias ? ofSample : o});`,
  ];
}
