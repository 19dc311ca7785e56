/**
 * mix_kernels, which stores a weight for each sample in memory, and its backward pass. These are plain loops over rows
 * of input channels. Input channels come last here: [n, Cout, kh, kw, Cin/groups].
 *
 * @module
 */

import type { Node, Shape } from "../../../graph/graph.ts";
import type { mixKernels } from "../../../graph/ops/mix_kernels.ts";
import type {
  mixKernelsChannelGrad,
  mixKernelsProducts,
  mixKernelsWeightGrad,
} from "../../../graph/ops/mix_kernels_grad.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { compute } from "../tensors/typed_array.ts";

/** A row of input channels, of sample `b`, kernel `k`, output channel `o` and tap `tap`. */
interface Row {
  readonly b: number;
  readonly k: number;
  readonly o: number;
  readonly tap: number;
  /** Index of its first element in the n kernels, and in the samples' weights. */
  readonly weight: number;
  readonly mixed: number;
  /** Index of its first input channel in the channel attention of all samples. */
  readonly channel: number;
}

/** Calls f for every row of every kernel. `channels` is the extent of the channel attention. */
function visitRows(batch: number, [n, cout, inputs, kh, kw]: Shape, channels: number, f: (row: Row) => void): void {
  const taps = kh * kw, each = cout * taps * inputs;
  const outputs = cout / Math.max(1, channels / inputs); // output channels per group
  for (let b = 0; b < batch; b++) {
    for (let k = 0; k < n; k++) {
      for (let o = 0, at = 0; o < cout; o++) {
        const channel = b * channels + Math.floor(o / outputs) * inputs;
        for (let tap = 0; tap < taps; tap++, at += inputs) {
          f({ b, k, o, tap, weight: k * each + at, mixed: b * each + at, channel });
        }
      }
    }
  }
}

/** Numbers [B, extent], or undefined. */
type Attention = Float32Array | undefined;

/** Returns the product of the attentions that are the same for a whole row. */
function scaleOf(
  { b, k, o, tap }: Row,
  [n, cout, , kh, kw]: Shape,
  { filter, spatial, kernel }: { readonly filter: Attention; readonly spatial: Attention; readonly kernel: Attention },
): number {
  return (filter ? filter[b * cout + o] : 1) * (spatial ? spatial[b * kh * kw + tap] : 1) *
    (kernel ? kernel[b * n + k] : 1);
}

/** The samples' weights. */
export const mixKernelsKernel: Kernel<Node<typeof mixKernels>> = {
  run({ weight, channel, filter, spatial, kernel }, { operands, output: { shape } }) {
    const kernels = operands.weight.shape, [, , inputs] = kernels;
    return compute(shape, [weight!, channel, filter, spatial, kernel], (out, w, channel, filter, spatial, kernel) => {
      visitRows(shape[0], kernels, operands.channel?.shape[1] ?? inputs, (row) => {
        const scale = scaleOf(row, kernels, { filter, spatial, kernel });
        for (let i = 0; i < inputs; i++) {
          out[row.mixed + i] += scale * w[row.weight + i] * (channel ? channel[row.channel + i] : 1);
        }
      });
    });
  },
};

/** The gradient with respect to the n kernels. */
export const mixKernelsWeightGradKernel: Kernel<Node<typeof mixKernelsWeightGrad>> = {
  run({ gradient, channel, filter, spatial, kernel }, { operands, output: { shape } }) {
    const [, , inputs] = shape, [batch] = operands.gradient.shape;
    return compute(shape, [gradient!, channel, filter, spatial, kernel], (out, g, channel, filter, spatial, kernel) => {
      const sums = new Float64Array(out.length);
      visitRows(batch, shape, operands.channel?.shape[1] ?? inputs, (row) => {
        const scale = scaleOf(row, shape, { filter, spatial, kernel });
        for (let i = 0; i < inputs; i++) {
          sums[row.weight + i] += scale * g[row.mixed + i] * (channel ? channel[row.channel + i] : 1);
        }
      });
      out.set(sums);
    });
  },
};

/** The gradient with respect to the channel attention. */
export const mixKernelsChannelGradKernel: Kernel<Node<typeof mixKernelsChannelGrad>> = {
  run({ gradient, weight, filter, spatial, kernel }, { operands, output: { shape: [batch, channels] } }) {
    const kernels = operands.weight.shape, [, , inputs] = kernels;
    const all = [gradient!, weight!, filter, spatial, kernel] as const;
    return compute([batch, channels], all, (out, g, w, filter, spatial, kernel) => {
      const sums = new Float64Array(out.length);
      visitRows(batch, kernels, channels, (row) => {
        const scale = scaleOf(row, kernels, { filter, spatial, kernel });
        for (let i = 0; i < inputs; i++) sums[row.channel + i] += scale * g[row.mixed + i] * w[row.weight + i];
      });
      out.set(sums);
    });
  },
};

/** The products for the other attentions. [B, n, taps, Cout] on this device. */
export const mixKernelsProductsKernel: Kernel<Node<typeof mixKernelsProducts>> = {
  run({ gradient, weight, channel }, { operands, output: { shape } }) {
    const kernels = operands.weight.shape, [n, cout, inputs] = kernels, taps = shape[3];
    return compute(shape, [gradient!, weight!, channel], (out, g, w, channel) => {
      visitRows(shape[0], kernels, operands.channel?.shape[1] ?? inputs, (row) => {
        let sum = 0;
        for (let i = 0; i < inputs; i++) {
          sum += g[row.mixed + i] * w[row.weight + i] * (channel ? channel[row.channel + i] : 1);
        }
        out[((row.b * n + row.k) * taps + row.tap) * cout + row.o] = sum;
      });
    });
  },
};
