/**
 * Elementwise operators that only training uses and that are not in ./formulas.ts.
 *
 * @module
 */

import type { OperandsOf, Value } from "../../../graph/graph.ts";
import type { TRAINING_OPERATORS, TrainingOperatorName } from "../../../graph/ops/training.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { planFormula } from "../wgsl/formula.ts";
import { wgsl } from "../wgsl/wgsl.ts";

type Operands<K extends TrainingOperatorName> = OperandsOf<(typeof TRAINING_OPERATORS)[K]>;

function overTemperature(temperature: Value | undefined, wgsl: string): string {
  return temperature ? ` / ${wgsl}` : "";
}

/** gradient * y (1 - y) / temperature. */
export const sigmoidGrad: Kernel = (node, context) => {
  const { y, gradient, temperature } = node.operands as Operands<"sigmoid_grad">;
  planFormula(node, {
    texels: { y, gradient },
    numbers: { temperature },
    result: (n) => `${n.gradient} * ${n.y} * (1.0 - ${n.y})${overTemperature(temperature, n.temperature)}`,
  }, context);
};

/** y * (gradient - sum of gradient * y) / temperature. One sample per invocation. */
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
    body: wgsl`
      var sum = 0.0;
      for (var c = 0u; c < u.channels; c++) {
        let at = id * u.blocks + c / 4u;
        sum += y(at)[c % 4u] * gradient(at)[c % 4u];
      }
      for (var at = id * u.blocks; at < (id + 1u) * u.blocks; at++) {
        dx[at] = y(at) * (gradient(at) - sum)${overTemperature(temperature, "temperature(0u)[0]")};
      }`,
  }));
};

/** factor * x. */
export const scale: Kernel = (node, context) => {
  const { x, factor } = node.operands as Operands<"scale">;
  planFormula(node, { texels: { x }, numbers: { factor }, result: (n) => `${n.factor} * ${n.x}` }, context);
};
