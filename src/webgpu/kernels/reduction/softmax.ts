import type { Value } from "../../../graph/graph.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { channelsOf } from "../wgsl/numbers.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** Softmax of x / temperature over the channels of [B, n]. One sample per invocation. */
export const softmax: Kernel = (node, context) => {
  const { x, temperature } = node.operands as { x: Value; temperature?: Value };
  const { batch, channels, blocks } = blocked(x.shape);
  context.emit(dispatch({
    label: "softmax",
    reads: { x: context.read(x), temperature: temperature && context.read(temperature) },
    writes: { y: context.output(node) },
    uniforms: { channels, blocks },
    invocations: batch,
    workgroupSize: 8,
    // Lanes past the last channel get a value far below every number, so their weight is zero.
    declarations: wgsl`
      fn masked(id: u32, c: u32) -> vec4f {
        let there = ${channelsOf("c")} < vec4u(u.channels);
        return select(vec4f(-3.0e38), x(id * u.blocks + c)${temperature ? " / temperature(0u)[0]" : ""}, there);
      }`,
    body: wgsl`
      var top = vec4f(-3.0e38);
      for (var c = 0u; c < u.blocks; c++) { top = max(top, masked(id, c)); }
      let highest = max(max(top[0], top[1]), max(top[2], top[3]));
      var sums = vec4f();
      for (var c = 0u; c < u.blocks; c++) { sums += exp(masked(id, c) - highest); }
      let total = dot(sums, vec4f(1.0));
      for (var c = 0u; c < u.blocks; c++) { y[id * u.blocks + c] = exp(masked(id, c) - highest) / total; }`,
  }));
};
