import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { ShapeError } from "../../errors.ts";
import { beforeActivation, sigmoidGrad } from "./elementwise_grad.ts";
import { linearInputGrad, linearWeightGrad } from "./linear_grad.ts";
import { channelSum } from "./reductions.ts";
import { type Activation, expectOptional, expectShape } from "./shared.ts";

/**
 * torch.nn.functional.linear with an epilogue: y = activation(x weight^T + bias). "sigmoid" divides by the temperature
 * first. A weight of [O, I, 1, 1], as 1x1 convolutions over pooled features keep it, counts as [O, I].
 */
export const linear: Operator<
  {
    /** [B, I] */
    x: Value;
    /** [O, I] or [O, I, 1, 1] */
    weight: Value;
    /** [O] */
    bias?: Value;
    /** [1]; only with "sigmoid" */
    temperature?: Value;
  },
  { readonly activation: Activation | "sigmoid" }
> = {
  name: "linear",
  shape({ x, weight, bias, temperature }) {
    expectShape("x", x.shape, [-1, -1]);
    const [out, features] = weight.shape;
    if (features !== x.shape[1] || size(weight.shape) !== out * features) {
      throw new ShapeError(`weight is [${weight.shape.join(", ")}], expected [*, ${x.shape[1]}]`);
    }
    expectOptional("bias", bias, [out]);
    expectOptional("temperature", temperature, [1]);
    return [x.shape[0], out];
  },
  madds: ({ x, weight }) => x.shape[0] * size(weight.shape),
  gradient(backward) {
    const { operands: { x, weight, temperature }, attributes: { activation }, output, needs, apply } = backward;
    const gradient = activation === "sigmoid"
      ? apply(sigmoidGrad, { y: output, gradient: backward.gradient, temperature }, {})
      : beforeActivation(backward, activation);
    return {
      x: needs("x") ? apply(linearInputGrad, { gradient, weight }, {}) : null,
      weight: needs("weight") ? apply(linearWeightGrad, { x, gradient }, { weightShape: weight.shape }) : null,
      bias: needs("bias") ? apply(channelSum, { x: gradient }, { scale: 1 }) : null,
    };
  },
};
