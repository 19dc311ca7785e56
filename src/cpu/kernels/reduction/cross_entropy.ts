/** The cross-entropy loss and its gradient. */

import type { Node } from "../../../graph/graph.ts";
import type { crossEntropy, crossEntropyGrad } from "../../../graph/ops/cross_entropy.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { compute } from "../tensors/typed_array.ts";

/** The mean over the batch of -sum over c of q[c] log p[c]. */
export const crossEntropyKernel: Kernel<Node<typeof crossEntropy>> = {
  run: ({ logits, labels }, { operands, output: { shape }, attributes: { labelSmoothing } }) =>
    compute(shape, [logits!, labels!], (out, logits, labels) => {
      const [batch, classes] = operands.logits.shape;
      let loss = 0;
      for (let b = 0; b < batch; b++) {
        const row = logits.subarray(b * classes, (b + 1) * classes);
        const normalizer = logSumExp(row);
        for (let c = 0; c < classes; c++) {
          loss += target(c, labels[b], classes, labelSmoothing) * (normalizer - row[c]);
        }
      }
      out[0] = loss / batch;
    }),
};

/** gradient * (p - q) / B. */
export const crossEntropyGradKernel: Kernel<Node<typeof crossEntropyGrad>> = {
  run: ({ logits, labels, gradient }, { output: { shape }, attributes: { labelSmoothing } }) =>
    compute(shape, [logits!, labels!, gradient!], (out, logits, labels, [gradient]) => {
      const [batch, classes] = shape;
      for (let b = 0; b < batch; b++) {
        const row = logits.subarray(b * classes, (b + 1) * classes);
        const normalizer = logSumExp(row);
        for (let c = 0; c < classes; c++) {
          const p = Math.exp(row[c] - normalizer);
          out[b * classes + c] = gradient / batch * (p - target(c, labels[b], classes, labelSmoothing));
        }
      }
    }),
};

/** q[c]: the target of class c, from the label's share and the share that is spread over all classes. */
function target(c: number, label: number, classes: number, smoothing: number): number {
  return (c === label ? 1 - smoothing : 0) + smoothing / classes;
}

/** log(sum of exp(v)), without overflow. */
function logSumExp(values: Float32Array): number {
  const largest = values.reduce((a, b) => Math.max(a, b));
  return largest + Math.log(values.reduce((sum, v) => sum + Math.exp(v - largest), 0));
}
