/**
 * The backward of conv2d and dynamic_conv2d: three contractions of the output's gradient, each with the attentions as
 * scales. Written out for one sample b, with Wm[b] = sum_n kernel[b,n] W[n] and g = filter[b,o] gradient[b,o,p]:
 *
 *     conv2d_input_grad          d(channel x)[b,i,q]  = sum over o, t of spatial[b,t] Wm[b,o,i,t] g[b,o,p(q,t)]
 *     conv2d_weight_grad         dW[n,o,i,t]  = sum over b of kernel[b,n] filter[b,o] channel[b,i] spatial[b,t] R[b,o,i,t]
 *     conv2d_attention_products  P[b,o,n,t]   = sum over i of W[n,o,i,t] channel[b,i] R[b,o,i,t]
 *
 * where R[b,o,i,t] = sum over pixels p of gradient[b,o,p] x[b,i,q(p,t)] is the gradient that the sample alone would give
 * the weight, t runs over the kh*kw taps and q(p,t) = p * stride - padding + t * dilation is the pixel that tap t reads.
 *
 * Why these three: R has the size of the weight for every sample, and it is never needed in memory. The weight's gradient
 * sums it over the batch as it is formed. The filter, spatial and kernel attentions need only P, which has no axis of input
 * channels (./attention_grad.ts). Nothing is divided by an attention, and no unscaled output is kept. The second and third
 * contraction form the same R from the same x and gradient, so an executor may compute the two nodes in one pass. With
 * static weights, every attention is left out.
 *
 * If each sample has a weight of its own, [B, Cout, Cin/groups, kh, kw], there are no attentions either: the gradient to
 * the input takes W[b], and the gradient to the weight is R itself.
 */

import { ShapeError } from "../../errors.ts";
import type { Operator, Shape, Value } from "../graph.ts";
import {
  type ConvolutionAttributes,
  convolutionShape,
  expectOptional,
  expectShape,
  type Pair,
  type WindowAttributes,
} from "./shared.ts";

/** Attentions of the output side and of the kernels. */
type Scales = {
  /** a_f: [B, Cout]; scales the gradient */
  filter?: Value;
  /** a_s: [B, kh*kw] */
  spatial?: Value;
  /** a_w: [B, n]; only with a weight of n kernels */
  kernel?: Value;
};

/** The extents of a weight of [Cout, Cin/groups, kh, kw], or of n of them. */
function kernels(weight: Shape): { n: number; each: Shape } {
  return weight.length === 5 ? { n: weight[0], each: weight.slice(1) } : { n: 1, each: weight };
}

/** Checks a backward convolution's operands against each other. */
function check(
  x: Shape,
  weight: Shape,
  gradient: Value,
  { filter, spatial, kernel, channel }: Scales & { channel?: Value },
  attributes: WindowAttributes & { readonly groups: number },
): void {
  const { n, each } = kernels(weight);
  const out = convolutionShape(x, each, attributes);
  expectShape("gradient", gradient.shape, out);
  expectOptional("channel attention", channel, [x[0], x[1]]);
  expectOptional("filter attention", filter, [x[0], out[1]]);
  expectOptional("spatial attention", spatial, [x[0], each[2] * each[3]]);
  expectOptional("kernel attention", kernel, [x[0], n]);
}

/**
 * Whether a weight of that shape is one for each sample, and not one for all or n that a kernel attention mixes. One
 * sample's own weight is the same as one for all.
 */
export function isPerSample(weight: Shape, kernel: Value | undefined): boolean {
  return weight.length === 5 && weight[0] > 1 && !kernel;
}

/** Throws unless a weight without a kernel attention is one, or one for each sample and without other attentions. */
function checkPerSample(weight: Shape, gradient: Value, scales: Scales & { channel?: Value }): void {
  if (!isPerSample(weight, scales.kernel)) return;
  expectShape("weight", weight, [gradient.shape[0], -1, -1, -1, -1]);
  const attention = Object.entries(scales).find(([, value]) => value);
  if (attention) throw new ShapeError(`a weight for each sample takes no ${attention[0]} attention`);
}

/** The gradient to a convolution's input (if there is a channel attention: to the product of the two); see above. */
export const conv2dInputGrad: Operator<
  {
    /** [B, Cout, H', W'] */
    gradient: Value;
    /** [Cout, Cin/groups, kh, kw], [n, Cout, Cin/groups, kh, kw] or, without attentions, [B, Cout, Cin/groups, kh, kw] */
    weight: Value;
  } & Scales,
  WindowAttributes & {
    readonly groups: number;
    /** [H, W] of the input: a stride can reach the same output from several. */
    readonly inputSize: Pair;
  }
> = {
  name: "conv2d_input_grad",
  shape({ gradient, weight, ...scales }, attributes) {
    const { each } = kernels(weight.shape);
    const x = [gradient.shape[0], each[1] * attributes.groups, ...attributes.inputSize];
    check(x, weight.shape, gradient, scales, attributes);
    checkPerSample(weight.shape, gradient, scales);
    return x;
  },
  madds: ({ gradient, weight }) => productMadds(gradient.shape, kernels(weight.shape).each),
};

/** The gradient to a convolution's weight, summed over the batch unless each sample has its own; see above. */
export const conv2dWeightGrad: Operator<
  {
    /** [B, Cin, H, W] */
    x: Value;
    /** [B, Cout, H', W'] */
    gradient: Value;
    /** a_c: [B, Cin]; scales x */
    channel?: Value;
  } & Scales,
  WindowAttributes & {
    readonly groups: number;
    /** The output's: [Cout, Cin/groups, kh, kw], or n of them or, without attentions, B of them. */
    readonly weightShape: Shape;
  }
> = {
  name: "conv2d_weight_grad",
  shape({ x, gradient, ...scales }, attributes) {
    check(x.shape, attributes.weightShape, gradient, scales, attributes);
    checkPerSample(attributes.weightShape, gradient, scales);
    return attributes.weightShape;
  },
  madds: ({ gradient }, { weightShape }) => productMadds(gradient.shape, kernels(weightShape).each),
};

/** For every sample, output channel, kernel and tap: the weight times its gradient from that sample alone; see above. */
export const conv2dAttentionProducts: Operator<
  {
    /** [B, Cin, H, W] */
    x: Value;
    /** [B, Cout, H', W'] */
    gradient: Value;
    /** [n, Cout, Cin/groups, kh, kw] */
    weight: Value;
    /** a_c: [B, Cin]; scales x */
    channel?: Value;
  },
  WindowAttributes & { readonly groups: number }
> = {
  name: "conv2d_attention_products",
  shape({ x, gradient, weight, channel }, attributes) {
    const { n, each } = kernels(weight.shape);
    check(x.shape, weight.shape, gradient, { channel }, attributes);
    return [x.shape[0], each[0], n, each[2] * each[3]];
  },
  madds: ({ gradient, weight }) => productMadds(gradient.shape, kernels(weight.shape).each),
};

function productMadds([batch, , height, width]: Shape, weight: Shape): number {
  return batch * height * width * weight.reduce((n, d) => n * d, 1);
}

/** The attributes that a convolution and its backward share. */
export function windowOf(
  { stride, padding, dilation, groups }: ConvolutionAttributes,
): WindowAttributes & { readonly groups: number } {
  return { stride, padding, dilation, groups };
}
