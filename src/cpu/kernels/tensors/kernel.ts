/**
 * Kernels of the CPU executor. A kernel is a function on tfjs tensors that computes an operator.
 *
 * tfjs computes with channels last. So every 4-D value is stored as [B, H, W, C], whatever it holds, and every 5-D
 * value as [n, O, kh, kw, I]. Values of other ranks are stored as in the graph. Kernels run inside tf.tidy, which frees
 * all tensors that they make and do not return.
 *
 * @module
 */

import type { Node } from "../../../graph/graph.ts";
import type { tf } from "../../tfjs.ts";

/** The operands of a node by name. An operand that is left out is undefined. */
export type TensorOperands = Readonly<Record<string, tf.Tensor | undefined>>;

/** The implementation of an operator. */
// deno-lint-ignore no-explicit-any -- each kernel names the node type of its own operator
export interface Kernel<N extends Node = any> {
  /**
   * Returns the operand "weight" in the layout that `run` needs. Called once if the weight is a parameter that never
   * changes.
   */
  prepare?(weight: tf.Tensor, node: N): tf.Tensor[];
  /** Computes the output. `weights` is the result of `prepare`, or empty for kernels without it. */
  run(operands: TensorOperands, node: N, weights: readonly tf.Tensor[]): tf.Tensor;
}
