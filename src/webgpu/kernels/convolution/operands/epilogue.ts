/**
 * The last step of a convolution, after the sum. All convolution kernels share it.
 *
 * @module
 */

import type { Activation } from "../../../../graph/ops/shared.ts";
import type { Resource } from "../../../plan/kernel.ts";
import { activate } from "../../wgsl/activate.ts";
import type { Wgsl } from "../../wgsl/wgsl.ts";

/** The computation on a sum before it is stored: activation(filter * sum + bias + residual). */
export interface Epilogue {
  /** [B, Cout] */
  readonly filter?: Resource;
  /** [Cout], or [B, Cout] */
  readonly bias?: Resource;
  /** Whether each sample has its own bias; false if left out. */
  readonly perSampleBias?: boolean;
  /** A tensor of the output's shape. */
  readonly residual?: Resource;
  readonly activation: Activation;
}

/**
 * Returns WGSL that stores `sum` at texel `at`. {@link loadEpilogue} must have loaded the block's values before.
 * `isWhole` is WGSL of a bool. If it is false, the sum is not complete and is stored without the epilogue.
 */
export function store({ filter, bias, residual, activation }: Epilogue, sum: string, isWhole?: string): string {
  let value = filter ? `${sum} * filter_v` : sum;
  if (bias) value += " + bias_v";
  if (residual) value += " + residual(at)";
  const result = activate(activation, "value");
  return `let value = ${value}; y[at] = ${isWhole ? `select(${sum}, ${result}, ${isWhole})` : result};`;
}

/** Returns WGSL that loads the epilogue's values of block `o` of sample `s`. */
export function loadEpilogue({ filter, bias, perSampleBias }: Epilogue, o: string): Wgsl {
  const ofSample = `s * u.out_blocks + ${o}`;
  return [
    filter && `let filter_v = filters(${ofSample});`,
    bias && `let bias_v = bias(${perSampleBias ? ofSample : o});`,
  ];
}
