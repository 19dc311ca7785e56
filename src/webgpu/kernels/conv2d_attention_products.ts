import type { AttributesOf, OperandsOf } from "../../graph/graph.ts";
import type { conv2dAttentionProducts as conv2dAttentionProductsOperator } from "../../graph/ops/convolution_grad.ts";
import { dispatch } from "../kernel.ts";
import type { Kernel } from "../planner.ts";
import { convolutionGeometry } from "./convolution_geometry.ts";
import {
  type Accumulator,
  accumulators,
  correlate,
  CORRELATION_ROWS,
  correlationTile,
  correlationUniforms,
} from "./correlation.ts";
import { splitsFor, sumCopies } from "./partial_sums.ts";

/**
 * The products of the attentions' gradients: an invocation has one sample and some blocks of output channels, forms what
 * the sample gives the weight tile by tile over the input channels, and sums it times the n kernels. Where samples and
 * output channels are too few for the device, input channels are split among invocations and their sums added.
 */
export const conv2dAttentionProducts: Kernel = (node, context) => {
  const { x, gradient, weight, channel } = node.operands as OperandsOf<typeof conv2dAttentionProductsOperator>;
  const attributes = node.attributes as AttributesOf<typeof conv2dAttentionProductsOperator>;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, gradient.shape, attributes);
  const { kernel: [kh, kw], output, groups, groupInputs, groupOutputs, weightTexels } = geometry;
  const tile = correlationTile(geometry, context.capabilities.operands === "buffer");
  const sums = accumulators(geometry, tile, Math.min(4, x.shape[1]));
  const outTiles = Math.ceil(groupOutputs / tile.outputs);
  const inTiles = groupInputs / tile.inputs;
  const tiles = outTiles * groups * kh * output.batch;
  const splits = splitsFor(tiles, context, inTiles);
  const y = context.output(node);
  const p = splits > 1 ? context.scratch(`${node.name} parts`, y.texels * splits) : y;
  // The forward convolution's layout: where it is there already, this costs nothing.
  const key = `dynamic_conv2d/${attributes.groups}`;
  context.emit(dispatch({
    label: `conv2d_${kh}x${kw}_attention_products`,
    reads: {
      x: context.operand(x),
      gradient: context.operand(gradient),
      weight: context.packed(weight, key, weightTexels * kernels, geometry.pack),
      channel: channel && context.read(channel),
    },
    writes: { p },
    uniforms: {
      ...correlationUniforms(geometry),
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      out_tiles: outTiles,
      groups,
      batch: output.batch,
      split_inputs: Math.ceil(inTiles / splits) * tile.inputs,
      kernel_texels: weightTexels,
      taps: kh * kw,
    },
    invocations: tiles * splits,
    workgroupSize: 8,
    body: body(sums, {
      kernels,
      kw,
      tile,
      hasChannel: channel !== undefined,
      depthwise: geometry.depthwise,
      correlation: correlate(geometry, tile, sums, "outputs"),
    }),
  }));
  if (splits > 1) context.emit(sumCopies(p, splits, y));
};

function body(
  sums: readonly Accumulator[],
  { kernels, kw, tile, hasChannel, depthwise, correlation }: {
    kernels: number;
    kw: number;
    tile: { readonly outputs: number; readonly inputs: number };
    hasChannel: boolean;
    depthwise: boolean;
    correlation: string;
  },
): string {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const line = (lines: readonly string[]) => lines.join("\n");
  const products = range(kernels).flatMap((n) =>
    range(tile.outputs).flatMap((o) => range(kw).map((k) => ({ n, o, k, name: `p${n}_${o}_${k}` })))
  );
  const channels = range(hasChannel ? tile.inputs : 0).map((i) =>
    `    let channel${i} = channel(s * u.in_blocks + in_block + ${i}u);`
  );
  const weight = (n: number, { output, input, lane, tap }: Accumulator) =>
    depthwise
      ? `weight(${n}u * u.kernel_texels + out_block * u.taps + tap + ${tap}u)`
      : `weight(${n}u * u.kernel_texels + ((in_block + ${input}u) * u.taps + tap + ${tap}u) * 4u * u.group_outputs` +
        ` + ${lane}u * u.group_outputs + o + ${output}u)`;
  const add = sums.map((sum) => {
    const { name, input, lane } = sum;
    const part = !hasChannel ? name : `${name} * channel${input}${lane === undefined ? "" : `[${lane}]`}`;
    const adds = range(kernels).map((n) => `p${n}_${sum.output}_${sum.tap} += part * ${weight(n, sum)};`);
    return `    { let part = ${part}; ${adds.join(" ")} }`;
  });
  const stores = products.map(({ n, o, k, name }) =>
    `  if (o + ${o}u < u.group_outputs) {
    p[base + ((s * u.out_blocks + out_block + ${o}u) * ${kernels}u + ${n}u) * u.taps + tap + ${k}u] = ${name};
  }`
  );
  return `
  let o = (id % u.out_tiles) * ${tile.outputs}u;
  let ky = (id / u.out_tiles) % u.kernel_y;
  let group = id / (u.out_tiles * u.kernel_y) % u.groups;
  let s = id / (u.out_tiles * u.kernel_y * u.groups) % u.batch;
  let split = id / (u.out_tiles * u.kernel_y * u.groups * u.batch);
  let out_block = group * u.group_outputs + o;
  let tap = ky * ${kw}u;
  let base = split * u.batch * u.out_blocks * ${kernels}u * u.taps;
${CORRELATION_ROWS}
${line(products.map(({ name }) => `  var ${name} = vec4f();`))}
${line(sums.map(({ name }) => `  var ${name} = vec4f();`))}
  for (var i = split * u.split_inputs; i < min(u.group_inputs, (split + 1u) * u.split_inputs); i += ${tile.inputs}u) {
    let in_block = group * u.group_inputs + i;
${line(sums.map(({ name }) => `    ${name} = vec4f();`))}${correlation}
${line([...channels, ...add])}
  }
${line(stores)}`;
}
