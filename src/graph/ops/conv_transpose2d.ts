import { ShapeError } from "../../errors.ts";
import type { Operator, Value } from "../graph.ts";
import { conv2d } from "./conv2d.ts";
import { conv2dInputGrad, conv2dWeightGrad } from "./convolution_grad.ts";
import { expectShape, type Pair, type WindowAttributes } from "./shared.ts";

/** The attributes of conv_transpose2d. */
export type ConvTransposeAttributes = WindowAttributes & {
  /** Groups of channels that do not see each other. */
  readonly groups: number;
  /** Rows and columns more on one side; smaller than the stride or the dilation. */
  readonly outputPadding: Pair;
};

/** The attributes of conv2d_input_grad that compute the same; that operator's "gradient" is x here. */
export function asInputGrad(
  { outputPadding: _, ...window }: ConvTransposeAttributes,
  [, , ...inputSize]: readonly number[],
): WindowAttributes & { readonly groups: number; readonly inputSize: Pair } {
  return { ...window, inputSize: inputSize as unknown as Pair };
}

/** torch.nn.functional.conv_transpose2d without bias: the gradient of a convolution to its input. */
export const convTranspose2d: Operator<
  {
    /** [B, Cin, H, W] */
    x: Value;
    /** [Cin, Cout/groups, kh, kw] */
    weight: Value;
  },
  ConvTransposeAttributes
> = {
  name: "conv_transpose2d",
  shape({ x, weight }, attributes) {
    const { stride, padding, dilation, groups, outputPadding } = attributes;
    expectShape("weight", weight.shape, [-1, -1, -1, -1]);
    const [cin, coutPerGroup, ...kernelSize] = weight.shape;
    expectShape("x", x.shape, [-1, cin, -1, -1]);
    const extents = kernelSize.map((k, i) => {
      if (outputPadding[i] < 0 || outputPadding[i] >= Math.max(stride[i], dilation[i])) {
        throw new ShapeError(
          `an output padding of ${outputPadding[i]}, expected less than the stride ${stride[i]} ` +
            `or the dilation ${dilation[i]}`,
        );
      }
      return (x.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (k - 1) + 1 + outputPadding[i];
    });
    if (extents.some((extent) => extent < 1)) {
      throw new ShapeError(`the result would be [${extents.join(", ")}] pixels: the padding is too large`);
    }
    const shape = [x.shape[0], coutPerGroup * groups, ...extents];
    conv2dInputGrad.shape({ gradient: x, weight }, asInputGrad(attributes, shape));
    return shape;
  },
  madds: ({ x, weight }) => x.shape[0] * x.shape[2] * x.shape[3] * weight.shape.reduce((n, d) => n * d, 1),
  gradient({ operands: { x, weight }, attributes, gradient, needs, apply }) {
    const { outputPadding: _, ...window } = attributes;
    return {
      x: needs("x") ? apply(conv2d, { x: gradient, weight }, { ...window, activation: "none" }) : null,
      weight: needs("weight")
        ? apply(conv2dWeightGrad, { x: gradient, gradient: x }, { ...window, weightShape: weight.shape })
        : null,
    };
  },
};
