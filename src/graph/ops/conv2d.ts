import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { conv2dInputGrad, conv2dWeightGrad, windowOf } from "./convolution_grad.ts";
import { beforeActivation } from "./elementwise_grad.ts";
import { channelSum } from "./reductions.ts";
import { type ConvolutionAttributes, convolutionShape, expectOptional } from "./shared.ts";

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
  ConvolutionAttributes
> = {
  name: "conv2d",
  shape({ x, weight, bias, residual }, attributes) {
    const out = convolutionShape(x.shape, weight.shape, attributes);
    expectOptional("bias", bias, [out[1]]);
    expectOptional("residual", residual, out);
    return out;
  },
  madds: ({ weight }, _, out) => out[0] * out[2] * out[3] * size(weight.shape),
  gradient(backward) {
    const { operands: { x, weight }, attributes, needs, apply } = backward;
    const gradient = beforeActivation(backward, attributes.activation);
    const window = windowOf(attributes);
    const inputSize = [x.shape[2], x.shape[3]] as const;
    return {
      x: needs("x") ? apply(conv2dInputGrad, { gradient, weight }, { ...window, inputSize }) : null,
      weight: needs("weight")
        ? apply(conv2dWeightGrad, { x, gradient }, { ...window, weightShape: weight.shape })
        : null,
      bias: needs("bias") ? apply(channelSum, { x: gradient }, { scale: 1 }) : null,
      residual: gradient,
    };
  },
};
