import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { type Activation, convolutionShape, expectOptional, expectShape, type WindowAttributes } from "./shared.ts";

/**
 * ODConv (equation 2 of the paper), every attention optional:
 *
 *     y = activation((sum_i kernel_i filter channel spatial weight_i) * x + bias + residual)
 *
 * The attentions are numbers per sample; a missing one counts as 1 (kernel: there is one kernel only).
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
    /** a_w: [B, n]; required where n > 1 */
    kernel?: Value;
    /** [Cout]; added after the filter attention */
    bias?: Value;
    /** The output's shape. Passes put it here: an add that follows. */
    residual?: Value;
  },
  WindowAttributes & { readonly groups: number; readonly activation: Activation }
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
    expectOptional("bias", bias, [out[1]]);
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
};
