/** Operators that move elements about, and the layout that 4-D values have on this device. */

import type { Node, Shape } from "../../graph/graph.ts";
import type { flatten, padChannels } from "../../graph/ops/layout.ts";
import { tf } from "../tfjs.ts";
import type { Kernel } from "./kernel.ts";

/** Row-major numbers as a tensor of this device: 4-D ones get their channels last. */
export function toDevice(values: Float32Array, shape: Shape): tf.Tensor {
  if (shape.length !== 4) return tf.tensor(values, [...shape], "float32");
  return tf.tidy(() => tf.transpose(tf.tensor(values, [...shape], "float32"), [0, 2, 3, 1]));
}

/** A tensor of this device as the graph has it: 4-D ones with their channels second. */
export function toGraphLayout(x: tf.Tensor): tf.Tensor {
  return x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : tf.clone(x);
}

/** [B, ...] -> [B, product of the rest], in the graph's order. */
export const flattenKernel: Kernel<Node<typeof flatten>> = {
  run: ({ x }, { output }) => tf.reshape(toGraphLayout(x!), [...output.shape]),
};

/** Zero channels before and after. */
export const padChannelsKernel: Kernel<Node<typeof padChannels>> = {
  run: ({ x }, { attributes: { before, after } }) => tf.pad(x!, [[0, 0], [0, 0], [0, 0], [before, after]]),
};
