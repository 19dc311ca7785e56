/**
 * The elementwise operators that only training has: gradients of activations, batch norm over the batch's own
 * statistics, running averages.
 *
 * @module
 */

import type { OperandsOf, Value } from "../../graph/graph.ts";
import type { TRAINING_OPERATORS, TrainingOperatorName } from "../../graph/ops/training.ts";
import { dispatch } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel } from "../planner.ts";
import { elementwise } from "./elementwise.ts";

type Operands<K extends TrainingOperatorName> = OperandsOf<(typeof TRAINING_OPERATORS)[K]>;

/** gradient where the activation let its operand through. */
export const activationGrad: Kernel = (node, context) => {
  const { activation } = node.attributes as { activation: "relu" | "relu6" };
  const open = activation === "relu" ? "y_(i) > vec4f()" : "(y_(i) > vec4f()) & (y_(i) < vec4f(6.0))";
  const { y, gradient } = node.operands as Operands<"activation_grad">;
  elementwise(node, context, { y_: y, gradient }, `select(vec4f(), gradient(i), ${open})`);
};

function overTemperature(temperature: Value | undefined): string {
  return temperature ? " / temperature(0u).x" : "";
}

/** gradient * y (1 - y) / temperature. */
export const sigmoidGrad: Kernel = (node, context) => {
  const { y, gradient, temperature } = node.operands as Operands<"sigmoid_grad">;
  const expression = `gradient(i) * y_(i) * (1.0 - y_(i))${overTemperature(temperature)}`;
  elementwise(node, context, { y_: y, gradient, temperature }, expression);
};

/** y * (gradient - sum of gradient * y) / temperature; one sample an invocation. */
export const softmaxGrad: Kernel = (node, context) => {
  const { y, gradient, temperature } = node.operands as Operands<"softmax_grad">;
  const { batch, channels, blocks } = blocked(y.shape);
  context.emit(dispatch({
    label: "softmax_grad",
    reads: {
      y: context.read(y),
      gradient: context.read(gradient),
      temperature: temperature && context.read(temperature),
    },
    writes: { dx: context.output(node) },
    uniforms: { channels, blocks },
    invocations: batch,
    workgroupSize: 8,
    body: `
  var sum = 0.0;
  for (var c = 0u; c < u.channels; c++) {
    let at = id * u.blocks + c / 4u;
    sum += y(at)[c % 4u] * gradient(at)[c % 4u];
  }
  for (var at = id * u.blocks; at < (id + 1u) * u.blocks; at++) {
    dx[at] = y(at) * (gradient(at) - sum)${overTemperature(temperature)};
  }`,
  }));
};

/** factor * x. */
export const scale: Kernel = (node, context) =>
  elementwise(node, context, node.operands as Operands<"scale">, "x(i) * factor(0u).x");

/** (1 - momentum) * running + momentum * correction * batch. */
export const runningAverage: Kernel = (node, context) => {
  const { momentum, correction } = node.attributes as { momentum: number; correction: number };
  const { running, batch } = node.operands as Operands<"running_average">;
  elementwise(node, context, { running, batch }, "u.kept * running(i) + u.added * batch(i)", {
    kept: 1 - momentum,
    added: momentum * correction,
  });
};
