import type { Operator, Value } from "../graph.ts";
import { expectOptional, expectShape } from "./shared.ts";

/**
 * The gradient to one attention, from the products P[b,o,n,t] of conv2d_attention_products: their sum over the axes of
 * the other attentions, scaled by those,
 *
 *     filter:   d[b,o] = sum over n, t of kernel[b,n]  spatial[b,t] P[b,o,n,t]
 *     spatial:  d[b,t] = sum over o, n of filter[b,o]  kernel[b,n]  P[b,o,n,t]
 *     kernel:   d[b,n] = sum over o, t of filter[b,o]  spatial[b,t] P[b,o,n,t]
 *
 * An attention that the layer does not have counts as 1. The one whose gradient it is must be left out.
 */
export const attentionGrad: Operator<
  {
    /** [B, Cout, n, kh*kw] */
    products: Value;
    /** [B, Cout] */
    filter?: Value;
    /** [B, kh*kw] */
    spatial?: Value;
    /** [B, n] */
    kernel?: Value;
  },
  { readonly to: "filter" | "spatial" | "kernel" }
> = {
  name: "attention_grad",
  shape({ products, filter, spatial, kernel }, { to }) {
    expectShape("products", products.shape, [-1, -1, -1, -1]);
    const [batch, cout, n, taps] = products.shape;
    expectOptional("filter attention", filter, [batch, cout]);
    expectOptional("spatial attention", spatial, [batch, taps]);
    expectOptional("kernel attention", kernel, [batch, n]);
    return [batch, { filter: cout, spatial: taps, kernel: n }[to]];
  },
};
