import type { Node } from "../../../graph/graph.ts";
import type { attentionGrad } from "../../../graph/ops/attention_grad.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { compute } from "../tensors/typed_array.ts";

/**
 * The products, scaled by the other attentions and summed over their axes. On this device the products are
 * [B, n, taps, Cout].
 */
export const attentionGradKernel: Kernel<Node<typeof attentionGrad>> = {
  run({ products, filter, spatial, kernel }, { operands, output: { shape }, attributes: { to } }) {
    const [batch, cout, n, taps] = operands.products.shape;
    return compute(shape, [products!, filter, spatial, kernel], (out, products, filter, spatial, kernel) => {
      const sums = new Float64Array(out.length);
      for (let b = 0, i = 0; b < batch; b++) {
        for (let k = 0; k < n; k++) {
          for (let tap = 0; tap < taps; tap++) {
            const scale = (kernel ? kernel[b * n + k] : 1) * (spatial ? spatial[b * taps + tap] : 1);
            for (let o = 0; o < cout; o++, i++) {
              const at = { filter: o, spatial: tap, kernel: k }[to];
              sums[b * shape[1] + at] += products[i] * scale * (filter ? filter[b * cout + o] : 1);
            }
          }
        }
      }
      out.set(sums);
    });
  },
};
