import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { attentionGrad } from "./attention_grad.ts";
import { conv2dAttentionProducts, conv2dInputGrad, conv2dWeightGrad, windowOf } from "./convolution_grad.ts";
import { mul } from "./elementwise.ts";
import { beforeActivation } from "./elementwise_grad.ts";
import { biasSum, sumProducts } from "./reductions.ts";
import { type ConvolutionAttributes, convolutionShape, expectBias, expectOptional, expectShape } from "./shared.ts";

/**
 * ODConv (equation 2 of the paper), every attention optional:
 *
 *     y = activation((sum_i kernel_i filter channel spatial weight_i) * x + bias + residual)
 *
 * The attentions are numbers per sample. A missing one counts as 1 (without a kernel attention there is one kernel only).
 * The pass src/graph/passes/fuse_mixing.ts makes this operator of conv2d and mix_kernels.
 */
export const dynamicConv2d: Operator<
  {
    /** [B, Cin, H, W] */
    x: Value;
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
    /** [Cout] or [B, Cout]; added after the filter attention */
    bias?: Value;
    /** The output's shape. Passes put it here: an add that follows. */
    residual?: Value;
  },
  ConvolutionAttributes
> = {
  name: "dynamic_conv2d",
  shape({ x, weight, channel, filter, spatial, kernel, bias, residual }, attributes) {
    expectShape("weight", weight.shape, [-1, -1, -1, -1, -1]);
    const [n, ...each] = weight.shape;
    const out = convolutionShape(x.shape, each, attributes);
    const [batch, cin] = x.shape;
    expectOptional("channel attention", channel, [batch, cin]);
    expectOptional("filter attention", filter, [batch, out[1]]);
    expectOptional("spatial attention", spatial, [batch, each[2] * each[3]]);
    if (n > 1) expectShape("kernel attention", kernel?.shape ?? [], [batch, n]);
    else expectOptional("kernel attention", kernel, [batch, 1]);
    expectBias(bias, out);
    expectOptional("residual", residual, out);
    return out;
  },
  // The convolution; the channel scaling of x and the filter scaling of y; 2n a weight to scale and mix n kernels.
  madds: ({ x, weight, channel, filter, spatial, kernel }, _, out) => {
    const n = weight.shape[0];
    const each = size(weight.shape) / n;
    return out[0] * out[2] * out[3] * each + (channel ? size(x.shape) : 0) + (filter ? size(out) : 0) +
      (kernel || spatial ? 2 * n * each * out[0] : 0);
  },
  // Equations and reasons: ./convolution_grad.ts. The channel attention is the only one outside the convolution's sum
  // over output channels: it and x share the gradient to their product.
  gradient(backward) {
    const { operands, attributes, needs, apply } = backward;
    const { x, weight, channel, filter, spatial, kernel, bias } = operands;
    const gradient = beforeActivation(backward, attributes.activation);
    const window = windowOf(attributes);
    const inputSize = [x.shape[2], x.shape[3]] as const;
    const scaledInput = needs("x") || needs("channel")
      ? apply(conv2dInputGrad, { gradient, weight, filter, spatial, kernel }, { ...window, inputSize })
      : null;
    const products = needs("filter") || needs("spatial") || needs("kernel")
      ? apply(conv2dAttentionProducts, { x, gradient, weight, channel }, window)
      : null;
    const attention = (to: "filter" | "spatial" | "kernel") =>
      products && needs(to)
        ? apply(attentionGrad, { products, filter, spatial, kernel, [to]: undefined }, { to })
        : null;
    return {
      x: scaledInput && needs("x") && channel ? apply(mul, { x: scaledInput, scale: channel }, {}) : scaledInput,
      weight: needs("weight")
        ? apply(conv2dWeightGrad, { x, gradient, channel, filter, spatial, kernel }, {
          ...window,
          weightShape: weight.shape,
        })
        : null,
      channel: scaledInput && channel && needs("channel")
        ? apply(sumProducts, { a: x, b: scaledInput }, { shape: channel.shape })
        : null,
      filter: attention("filter"),
      spatial: attention("spatial"),
      kernel: attention("kernel"),
      bias: bias && needs("bias") ? biasSum(gradient, bias, apply) : null,
      residual: gradient,
    };
  },
};
