import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { type Activation, convolutionShape, expectOptional, type WindowAttributes } from "./shared.ts";

/** torch.nn.functional.conv2d, with an epilogue: y = activation(weight * x + bias + residual). */
export const conv2d: Operator<
  {
    /** [B, Cin, H, W] */
    x: Value;
    /** [Cout, Cin/groups, kh, kw] */
    weight: Value;
    /** [Cout] */
    bias?: Value;
    /** The output's shape. Passes put it here: an add that follows. */
    residual?: Value;
  },
  WindowAttributes & { readonly groups: number; readonly activation: Activation }
> = {
  name: "conv2d",
  shape({ x, weight, bias, residual }, attributes) {
    const out = convolutionShape(x.shape, weight.shape, attributes);
    expectOptional("bias", bias, [out[1]]);
    expectOptional("residual", residual, out);
    return out;
  },
  madds: ({ weight }, _, out) => out[0] * out[2] * out[3] * size(weight.shape),
};
