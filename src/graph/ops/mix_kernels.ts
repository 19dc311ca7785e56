import { ShapeError } from "../../errors.ts";
import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { attentionGrad } from "./attention_grad.ts";
import { mixKernelsChannelGrad, mixKernelsProducts, mixKernelsWeightGrad } from "./mix_kernels_grad.ts";
import { expectOptional, expectShape } from "./shared.ts";

/**
 * A weight for each sample, [B, Cout, Cin/groups, kh, kw], from n kernels and attentions (equation 2 of the ODConv paper):
 *
 *     y[b,o,i,t] = filter[b,o] channel[b,c(o,i)] spatial[b,t] sum_n kernel[b,n] weight[n,o,i,t]
 *
 * where c(o,i) is the i-th input channel of output channel o. Attentions that are left out count as 1. At least one must be
 * given, because it says how many samples there are. If a conv2d is the only user of the result, the pass
 * src/graph/passes/fuse_mixing.ts fuses the two.
 */
export const mixKernels: Operator<
  {
    /** [n, Cout, Cin/groups, kh, kw] */
    weight: Value;
    /** a_c: [B, Cin] */
    channel?: Value;
    /** a_f: [B, Cout] */
    filter?: Value;
    /** a_s: [B, kh*kw] */
    spatial?: Value;
    /** a_w: [B, n]; required if n > 1 */
    kernel?: Value;
  },
  Record<never, never>
> = {
  name: "mix_kernels",
  shape({ weight, channel, filter, spatial, kernel }) {
    expectShape("weight", weight.shape, [-1, -1, -1, -1, -1]);
    const [n, ...each] = weight.shape;
    const [cout, inputs, kh, kw] = each;
    const batch = (kernel ?? spatial ?? filter ?? channel)?.shape[0];
    if (n > 1) expectShape("kernel attention", kernel?.shape ?? [], [batch ?? -1, n]);
    if (batch === undefined) throw new ShapeError("there is no attention, expected at least one of [B, ...]");
    expectOptional("kernel attention", kernel, [batch, n]);
    expectOptional("filter attention", filter, [batch, cout]);
    expectOptional("spatial attention", spatial, [batch, kh * kw]);
    expectOptional("channel attention", channel, [batch, -1]);
    const groups = channel ? channel.shape[1] / inputs : 1;
    if (!Number.isInteger(groups) || cout % groups !== 0) {
      throw new ShapeError(
        `channel attention is of ${
          channel?.shape[1]
        } channels, expected ${inputs} times a number of groups that divides ${cout}`,
      );
    }
    return [batch, ...each];
  },
  madds: ({ weight, channel, filter, spatial, kernel }, _, out) =>
    (kernel || spatial ? 2 * size(weight.shape) * out[0] : 0) + (channel ? size(out) : 0) + (filter ? size(out) : 0),
  gradient({ operands, gradient, needs, apply }) {
    const { weight, channel, filter, spatial, kernel } = operands;
    const products = needs("filter") || needs("spatial") || needs("kernel")
      ? apply(mixKernelsProducts, { gradient, weight, channel }, {})
      : null;
    const attention = (to: "filter" | "spatial" | "kernel") =>
      products && needs(to)
        ? apply(attentionGrad, { products, filter, spatial, kernel, [to]: undefined }, { to })
        : null;
    return {
      weight: needs("weight")
        ? apply(mixKernelsWeightGrad, { gradient, channel, filter, spatial, kernel }, { weightShape: weight.shape })
        : null,
      channel: channel && needs("channel")
        ? apply(mixKernelsChannelGrad, { gradient, weight, filter, spatial, kernel }, { channels: channel.shape[1] })
        : null,
      filter: attention("filter"),
      spatial: attention("spatial"),
      kernel: attention("kernel"),
    };
  },
};
