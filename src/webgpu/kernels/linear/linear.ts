import type { Value } from "../../../graph/graph.ts";
import type { Activation } from "../../../graph/ops/shared.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { activate } from "../wgsl/activate.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/**
 * y = activation(x weight^T + bias). An invocation computes four outputs of some samples. It reads the weight in its
 * stored layout, [O][I/4], so a training step that changes the weight needs no new layout.
 */
export const linear: Kernel = (node, context) => {
  const { x, weight, bias, temperature } = node.operands as Record<"x" | "weight", Value> & {
    bias?: Value;
    temperature?: Value;
  };
  const { activation } = node.attributes as { activation: Activation | "sigmoid" };
  const { batch, blocks: inputs } = blocked(x.shape);
  const { blocks: outputs } = blocked(node.output.shape);
  const result = (sum: string) =>
    activation !== "sigmoid"
      ? activate(activation, sum)
      : `1.0 / (1.0 + exp(-${sum}${temperature ? " / temperature(0u)[0]" : ""}))`;
  const rows = [0, 1, 2, 3];
  const samples = rows.slice(0, batch);
  context.emit(dispatch({
    label: `linear_${activation}`,
    reads: {
      x: context.read(x),
      weight: context.read(weight),
      bias: bias && context.read(bias),
      temperature: activation === "sigmoid" && temperature ? context.read(temperature) : undefined,
    },
    writes: { y: context.output(node) },
    uniforms: { batch, inputs, outputs, last_row: weight.shape[0] - 1 },
    invocations: Math.ceil(batch / samples.length) * outputs,
    workgroupSize: 8,
    body: wgsl`
      let o = id % u.outputs;
      let s = id / u.outputs * ${samples.length}u;
      ${rows.map((r) => `let row${r} = min(o * 4u + ${r}u, u.last_row) * u.inputs;`)}
      ${samples.map((k) => `let from${k} = min(s + ${k}u, u.batch - 1u) * u.inputs;`)}
      ${samples.map((k) => `var sum${k} = ${bias ? "bias(o)" : "vec4f()"};`)}
      for (var i = 0u; i < u.inputs; i++) {
        ${rows.map((r) => `let w${r} = weight(row${r} + i);`)}
        ${
      samples.map((k) =>
        `{ let v = x(from${k} + i); sum${k} += vec4f(${rows.map((r) => `dot(v, w${r})`).join(", ")}); }`
      )
    }
      }
      ${samples.map((k) => `if (s + ${k}u < u.batch) { y[(s + ${k}u) * u.outputs + o] = ${result(`sum${k}`)}; }`)}`,
  }));
};
