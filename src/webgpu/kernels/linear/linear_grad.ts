import type { OperandsOf } from "../../../graph/graph.ts";
import type {
  linearInputGrad as linearInputGradOperator,
  linearWeightGrad as linearWeightGradOperator,
} from "../../../graph/ops/linear_grad.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { biasGradient } from "../reduction/reductions.ts";
import { channelsOf } from "../wgsl/numbers.ts";
import { wgsl } from "../wgsl/wgsl.ts";

const ROWS = [0, 1, 2, 3];

/**
 * gradient weight. An invocation computes four inputs of some samples. It reads the weight in its stored layout,
 * [O][I/4].
 */
export const linearInputGrad: Kernel = (node, context) => {
  const { gradient, weight } = node.operands as OperandsOf<typeof linearInputGradOperator>;
  const { batch, blocks: inputs } = blocked(node.output.shape);
  const { channels: outputs, blocks } = blocked(gradient.shape);
  const samples = ROWS.slice(0, batch);
  context.emit(dispatch({
    label: "linear_input_grad",
    reads: { gradient: context.read(gradient), weight: context.read(weight) },
    writes: { dx: context.output(node) },
    uniforms: { batch, inputs, outputs, blocks },
    invocations: Math.ceil(batch / samples.length) * inputs,
    workgroupSize: 8,
    body: wgsl`
      let i = id % u.inputs;
      let s = id / u.inputs * ${samples.length}u;
      ${samples.map((k) => `let from${k} = min(s + ${k}u, u.batch - 1u) * u.blocks;\n  var sum${k} = vec4f();`)}
      for (var block = 0u; block < u.outputs / 4u; block++) {
        let w = block * 4u * u.inputs + i;
        ${ROWS.map((r) => `let w${r} = weight(w + ${r}u * u.inputs);`)}
        ${
      samples.map((k) =>
        `{ let g = gradient(from${k} + block); sum${k} += ${ROWS.map((r) => `g[${r}] * w${r}`).join(" + ")}; }`
      )
    }
      }
      for (var o = u.outputs & ~3u; o < u.outputs; o++) {
        let w = weight(o * u.inputs + i);
        ${samples.map((k) => `sum${k} += gradient(from${k} + o / 4u)[o % 4u] * w;`)}
      }
      ${samples.map((k) => `if (s + ${k}u < u.batch) { dx[(s + ${k}u) * u.inputs + i] = sum${k}; }`)}`,
  }));
};

/**
 * gradient^T x. An invocation computes a tile of four outputs by four inputs and sums over the batch. The invocations
 * of the first inputs also sum the gradient to the bias, if it is needed.
 */
export const linearWeightGrad: Kernel = (node, context) => {
  const { x, gradient } = node.operands as OperandsOf<typeof linearWeightGradOperator>;
  const { batch, channels: inputs, blocks: inBlocks } = blocked(x.shape);
  const { channels: outputs, blocks: outBlocks } = blocked(gradient.shape);
  const bias = biasGradient(gradient, context);
  const dw = context.output(node);
  context.emit(dispatch({
    label: `linear_weight_grad${bias ? "_and_bias" : ""}`,
    reads: { x: context.read(x), gradient: context.read(gradient) },
    writes: bias ? { dw, db: context.output(bias) } : { dw },
    uniforms: { batch, inputs, in_blocks: inBlocks, outputs, out_blocks: outBlocks },
    invocations: outBlocks * inBlocks,
    workgroupSize: 8,
    body: wgsl`
      let i = id % u.in_blocks;
      let o = id / u.in_blocks;
      ${ROWS.map((r) => `var a${r} = vec4f();`)}${bias ? "\n  var sum = vec4f();" : ""}
      for (var s = 0u; s < u.batch; s++) {
        let g = gradient(s * u.out_blocks + o);
        let v = x(s * u.in_blocks + i);
        ${ROWS.map((r) => `a${r} += g[${r}] * v;`)}${bias ? "\n    sum += g;" : ""}
      }
      let there = ${channelsOf("i")} < vec4u(u.inputs);
      ${
      ROWS.map((r) =>
        `if (o * 4u + ${r}u < u.outputs) { dw[(o * 4u + ${r}u) * u.in_blocks + i] = select(vec4f(), a${r}, there); }`
      )
    }${
      bias
        ? wgsl`
          if (i == 0u) { db[o] = select(vec4f(), sum, ${channelsOf("o")} < vec4u(u.outputs)); }`
        : ""
    }`,
  }));
};
