import { blocked } from "../layout.ts";
import type { OperandsOf } from "../../graph/graph.ts";
import type {
  linearInputGrad as linearInputGradOperator,
  linearWeightGrad as linearWeightGradOperator,
} from "../../graph/ops/linear_grad.ts";
import { dispatch } from "../kernel.ts";
import type { Kernel } from "../planner.ts";

/** gradient weight: four inputs of one sample an invocation, over the weight as it is stored, [O][I/4]. */
export const linearInputGrad: Kernel = (node, context) => {
  const { gradient, weight } = node.operands as OperandsOf<typeof linearInputGradOperator>;
  const { batch, blocks: inputs } = blocked(node.output.shape);
  const { channels: outputs, blocks } = blocked(gradient.shape);
  context.emit(dispatch({
    label: "linear_input_grad",
    reads: { gradient: context.read(gradient), weight: context.read(weight) },
    writes: { dx: context.output(node) },
    uniforms: { inputs, outputs, blocks },
    invocations: batch * inputs,
    workgroupSize: 8,
    body: `
  let i = id % u.inputs;
  let s = id / u.inputs;
  var sum = vec4f();
  for (var o = 0u; o < u.outputs; o++) {
    sum += gradient(s * u.blocks + o / 4u)[o % 4u] * weight(o * u.inputs + i);
  }
  dx[id] = sum;`,
  }));
};

/** gradient^T x: a tile of four outputs by four inputs an invocation, over the batch. */
export const linearWeightGrad: Kernel = (node, context) => {
  const { x, gradient } = node.operands as OperandsOf<typeof linearWeightGradOperator>;
  const { batch, channels: inputs, blocks: inBlocks } = blocked(x.shape);
  const { channels: outputs, blocks: outBlocks } = blocked(gradient.shape);
  const rows = [0, 1, 2, 3];
  context.emit(dispatch({
    label: "linear_weight_grad",
    reads: { x: context.read(x), gradient: context.read(gradient) },
    writes: { dw: context.output(node) },
    uniforms: { batch, inputs, in_blocks: inBlocks, outputs, out_blocks: outBlocks },
    invocations: outBlocks * inBlocks,
    workgroupSize: 8,
    body: `
  let i = id % u.in_blocks;
  let o = id / u.in_blocks;
${rows.map((r) => `  var a${r} = vec4f();`).join("\n")}
  for (var s = 0u; s < u.batch; s++) {
    let g = gradient(s * u.out_blocks + o);
    let v = x(s * u.in_blocks + i);
${rows.map((r) => `    a${r} += g[${r}] * v;`).join("\n")}
  }
  let there = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.inputs);
${
      rows.map((r) =>
        `  if (o * 4u + ${r}u < u.outputs) { dw[(o * 4u + ${r}u) * u.in_blocks + i] = select(vec4f(), a${r}, there); }`
      ).join("\n")
    }`,
  }));
};
