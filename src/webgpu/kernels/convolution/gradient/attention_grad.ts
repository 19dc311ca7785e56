import type { AttributesOf, OperandsOf } from "../../../../graph/graph.ts";
import type { attentionGrad as attentionGradOperator } from "../../../../graph/ops/attention_grad.ts";
import { dispatch } from "../../../plan/kernel.ts";
import { blocksOf } from "../../../plan/layout.ts";
import type { Kernel } from "../../../plan/plan.ts";
import { channelsOf } from "../../wgsl/numbers.ts";
import { wgsl } from "../../wgsl/wgsl.ts";

/**
 * Sums the products [B][Cout/4][n][tap] over the axes that the gradient does not have, each scaled by the attentions of
 * those axes. An invocation computes four numbers of one sample.
 */
export const attentionGrad: Kernel = (node, context) => {
  const { products, filter, spatial, kernel } = node.operands as OperandsOf<typeof attentionGradOperator>;
  const { to } = node.attributes as AttributesOf<typeof attentionGradOperator>;
  const [batch, cout, kernels, taps] = products.shape;
  const number = {
    filter: "filters(s * u.out_blocks + o)",
    spatial: "spatial(s * u.tap_blocks + t / 4u)[t % 4u]",
    kernel: "kernel(s * u.kernel_blocks + n / 4u)[n % 4u]",
  };
  const scaled = (["filter", "spatial", "kernel"] as const)
    .filter((name) => ({ filter, spatial, kernel })[name])
    .map((name) => ` * ${number[name]}`).join("");
  const product = `masked(((s * u.out_blocks + o) * u.kernels + n) * u.taps + t, o)${scaled}`;
  // The invocation's own axis has a fixed range. The other two axes run over their full range.
  const extents = { filter: "u.out_blocks", spatial: "u.taps", kernel: "u.kernels" };
  const own = (name: typeof to) =>
    name !== to ? ["0u", extents[name]] : name === "filter" ? ["block", "block + 1u"] : [
      "block * 4u",
      `min(block * 4u + 4u, ${extents[name]})`,
    ];
  const loop = (variable: string, name: typeof to) => {
    const [first, end] = own(name);
    return `for (var ${variable} = ${first}; ${variable} < ${end}; ${variable}++) {`;
  };
  const add = to === "filter"
    ? `sum += ${product};`
    : `sum[${to === "spatial" ? "t" : "n"} % 4u] += dot(${product}, vec4f(1.0));`;
  context.emit(dispatch({
    label: `attention_grad_${to}`,
    reads: {
      products: context.read(products),
      filters: filter && context.read(filter),
      spatial: spatial && context.read(spatial),
      kernel: kernel && context.read(kernel),
    },
    writes: { y: context.output(node) },
    uniforms: {
      outputs: cout,
      out_blocks: blocksOf(cout),
      kernels,
      kernel_blocks: blocksOf(kernels),
      taps,
      tap_blocks: blocksOf(taps),
      blocks: blocksOf(node.output.shape[1]),
    },
    invocations: batch * blocksOf(node.output.shape[1]),
    workgroupSize: 8,
    declarations: wgsl`
      fn masked(at: u32, o: u32) -> vec4f {
        return select(vec4f(), products(at), ${channelsOf("o")} < vec4u(u.outputs));
      }`,
    body: wgsl`
      let block = id % u.blocks;
      let s = id / u.blocks;
      var sum = vec4f();
      ${loop("o", "filter")}
      ${loop("n", "kernel")}
      ${loop("t", "spatial")}
      ${add}
      }
      }
      }
      y[id] = sum;`,
  }));
};
