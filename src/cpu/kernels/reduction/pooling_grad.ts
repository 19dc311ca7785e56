/** The backward pass of the pooling operators. */

import type { Node } from "../../../graph/graph.ts";
import type { avgPool2dGrad, globalAvgPoolGrad, maxPool2dGrad } from "../../../graph/ops/pooling_grad.ts";
import type { Pair } from "../../../graph/ops/shared.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { tapTable, windowOver } from "../tensors/taps.ts";
import { compute } from "../tensors/typed_array.ts";

const DENSE: { readonly dilation: Pair } = { dilation: [1, 1] };

/** The gradient of a window goes to its first largest element. */
export const maxPool2dGradKernel: Kernel<Node<typeof maxPool2dGrad>> = {
  run({ x, gradient }, { operands, output: { shape }, attributes }) {
    const { kernelSize } = attributes;
    const table = tapTable(windowOver(shape, operands.gradient.shape, kernelSize, { ...attributes, ...DENSE }));
    return compute(shape, [x!, gradient!], (out, x, gradient) => {
      const [batch, channels, height, width] = shape;
      const taps = kernelSize[0] * kernelSize[1];
      for (let b = 0, y = 0; b < batch; b++) {
        const image = b * height * width;
        for (let from = 0; from < table.length; from += taps) {
          for (let c = 0; c < channels; c++, y++) {
            let best = -1;
            for (let i = from; i < from + taps; i++) {
              const at = (image + table[i]) * channels + c;
              if (table[i] >= 0 && (best < 0 || x[at] > x[best])) best = at;
            }
            out[best] += gradient[y];
          }
        }
      }
    });
  },
};

/** The gradient of a window is shared equally among its elements. */
export const avgPool2dGradKernel: Kernel<Node<typeof avgPool2dGrad>> = {
  run({ gradient }, { operands, output: { shape }, attributes }) {
    const { kernelSize } = attributes;
    const table = tapTable(windowOver(shape, operands.gradient.shape, kernelSize, { ...attributes, ...DENSE }));
    return compute(shape, [gradient!], (out, gradient) => {
      const [batch, channels, height, width] = shape;
      const taps = kernelSize[0] * kernelSize[1];
      const pixels = table.length / taps;
      for (let b = 0; b < batch; b++) {
        for (let i = 0; i < table.length; i++) {
          if (table[i] < 0) continue;
          const from = (b * pixels + Math.floor(i / taps)) * channels;
          const to = (b * height * width + table[i]) * channels;
          for (let c = 0; c < channels; c++) out[to + c] += gradient[from + c] / taps;
        }
      }
    });
  },
};

/** gradient / (H W) at every pixel. */
export const globalAvgPoolGradKernel: Kernel<Node<typeof globalAvgPoolGrad>> = {
  run: ({ gradient }, { output: { shape } }) =>
    compute(shape, [gradient!], (out, gradient) => {
      const [batch, channels, height, width] = shape;
      for (let b = 0, i = 0; b < batch; b++) {
        for (let pixel = 0; pixel < height * width; pixel++) {
          for (let c = 0; c < channels; c++, i++) out[i] = gradient[b * channels + c] / (height * width);
        }
      }
    }),
};
