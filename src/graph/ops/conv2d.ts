import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { conv2dInputGrad, conv2dWeightGrad, windowOf } from "./convolution_grad.ts";
import { beforeActivation } from "./elementwise_grad.ts";
import { biasSum } from "./reductions.ts";
import { type ConvolutionAttributes, convolutionShape, expectBias, expectOptional, expectShape } from "./shared.ts";

/**
 * torch.nn.functional.conv2d, with an epilogue: y = activation(weight * x + bias + residual). Weight and bias are the same
 * for all samples, or each sample has its own: any operators may compute them.
 */
export const conv2d: Operator<
  {
    /** [B, Cin, H, W] */
    x: Value;
    /** [Cout, Cin/groups, kh, kw], or [B, Cout, Cin/groups, kh, kw]: one for each sample */
    weight: Value;
    /** [Cout], or [B, Cout]: one for each sample */
    bias?: Value;
    /** The output's shape. Passes put it here: an add that follows. */
    residual?: Value;
  },
  ConvolutionAttributes
> = {
  name: "conv2d",
  shape({ x, weight, bias, residual }, attributes) {
    const perSample = weight.shape.length === 5;
    const out = convolutionShape(x.shape, perSample ? weight.shape.slice(1) : weight.shape, attributes);
    if (perSample) expectShape("weight", weight.shape, [out[0], -1, -1, -1, -1]);
    expectBias(bias, out);
    expectOptional("residual", residual, out);
    return out;
  },
  madds: ({ weight }, _, out) => out[0] * out[2] * out[3] * size(weight.shape.slice(-4)),
  gradient(backward) {
    const { operands: { x, weight, bias }, attributes, needs, apply } = backward;
    const gradient = beforeActivation(backward, attributes.activation);
    const window = windowOf(attributes);
    const inputSize = [x.shape[2], x.shape[3]] as const;
    return {
      x: needs("x") ? apply(conv2dInputGrad, { gradient, weight }, { ...window, inputSize }) : null,
      weight: needs("weight")
        ? apply(conv2dWeightGrad, { x, gradient }, { ...window, weightShape: weight.shape })
        : null,
      bias: bias && needs("bias") ? biasSum(gradient, bias, apply) : null,
      residual: gradient,
    };
  },
};
