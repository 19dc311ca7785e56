/**
 * What an operator is to the CPU executor: a function over tfjs tensors.
 *
 * tfjs computes with channels last, so every 4-D value is kept as [B, H, W, C], whatever it holds, and every 5-D one as
 * [n, O, kh, kw, I]; all other ranks are kept as the graph has them. Kernels run inside tf.tidy: what they leave behind
 * but do not answer is freed.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";
import type { tf } from "../tfjs.ts";

/** The operands of a node by name; left-out ones are undefined. */
export type TensorOperands = Readonly<Record<string, tf.Tensor | undefined>>;

/** How one operator runs. */
// deno-lint-ignore no-explicit-any -- each kernel names the node type of its own operator
export interface Kernel<N extends Node = any> {
  /** The operand "weight" in the layout that `run` wants: done once where it is a parameter that never changes. */
  prepare?(weight: tf.Tensor, node: N): tf.Tensor[];
  /** Computes the output. `weights` is what `prepare` answered; kernels without it get none. */
  run(operands: TensorOperands, node: N, weights: readonly tf.Tensor[]): tf.Tensor;
}
