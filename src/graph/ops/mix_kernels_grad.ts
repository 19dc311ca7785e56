/**
 * The backward of mix_kernels, from the gradient g[b,o,i,t] to the samples' weights:
 *
 *     mix_kernels_weight_grad    dW[n,o,i,t] = sum over b of kernel[b,n] filter[b,o] channel[b,c(o,i)] spatial[b,t] g[b,o,i,t]
 *     mix_kernels_channel_grad   d[b,c]      = sum over the o and t that c meets of
 *                                              filter[b,o] spatial[b,t] g[b,o,i,t] sum_n kernel[b,n] W[n,o,i,t]
 *     mix_kernels_products       P[b,o,n,t]  = sum over i of W[n,o,i,t] channel[b,c(o,i)] g[b,o,i,t]
 *
 * The other attentions' gradients are small sums of P: ./attention_grad.ts.
 */

import type { Operator, Shape, Value } from "../graph.ts";
import { expectOptional, expectShape } from "./shared.ts";

type Attentions = {
  /** a_c: [B, Cin] */
  channel?: Value;
  /** a_f: [B, Cout] */
  filter?: Value;
  /** a_s: [B, kh*kw] */
  spatial?: Value;
  /** a_w: [B, n] */
  kernel?: Value;
};

function check(gradient: Value, weight: Shape, { channel, filter, spatial, kernel }: Attentions): void {
  expectShape("weight", weight, [-1, -1, -1, -1, -1]);
  const [n, ...each] = weight;
  const [cout, , kh, kw] = each;
  expectShape("gradient", gradient.shape, [-1, ...each]);
  const [batch] = gradient.shape;
  expectOptional("channel attention", channel, [batch, -1]);
  expectOptional("filter attention", filter, [batch, cout]);
  expectOptional("spatial attention", spatial, [batch, kh * kw]);
  expectOptional("kernel attention", kernel, [batch, n]);
}

/** The gradient to the n kernels; see above. */
export const mixKernelsWeightGrad: Operator<
  {
    /** [B, Cout, Cin/groups, kh, kw] */
    gradient: Value;
  } & Attentions,
  {
    /** The output's: [n, Cout, Cin/groups, kh, kw]. */
    readonly weightShape: Shape;
  }
> = {
  name: "mix_kernels_weight_grad",
  shape({ gradient, ...attentions }, { weightShape }) {
    check(gradient, weightShape, attentions);
    return weightShape;
  },
};

/** The gradient to the channel attention; see above. */
export const mixKernelsChannelGrad: Operator<
  {
    /** [B, Cout, Cin/groups, kh, kw] */
    gradient: Value;
    /** [n, Cout, Cin/groups, kh, kw] */
    weight: Value;
  } & Omit<Attentions, "channel">,
  {
    /** Cin */
    readonly channels: number;
  }
> = {
  name: "mix_kernels_channel_grad",
  shape({ gradient, weight, ...attentions }, { channels }) {
    check(gradient, weight.shape, attentions);
    return [gradient.shape[0], channels];
  },
};

/** For every sample, output channel, kernel and tap: the weight times its gradient, summed over the inputs; see above. */
export const mixKernelsProducts: Operator<
  {
    /** [B, Cout, Cin/groups, kh, kw] */
    gradient: Value;
    /** [n, Cout, Cin/groups, kh, kw] */
    weight: Value;
    /** a_c: [B, Cin] */
    channel?: Value;
  },
  Record<never, never>
> = {
  name: "mix_kernels_products",
  shape({ gradient, weight, channel }) {
    check(gradient, weight.shape, { channel });
    const [n, cout, , kh, kw] = weight.shape;
    return [gradient.shape[0], cout, n, kh * kw];
  },
};
