import type { AttributesOf, Node, OperandsOf } from "../../../../graph/graph.ts";
import type { conv2dAttentionProducts as conv2dAttentionProductsOperator } from "../../../../graph/ops/convolution_grad.ts";
import { dispatch } from "../../../plan/kernel.ts";
import { TEXEL_BYTES } from "../../../plan/layout.ts";
import { mostBytes } from "../../../plan/limits.ts";
import type { Kernel } from "../../../plan/plan.ts";
import { splitsFor, sumCopies } from "../../reduction/partial_sums.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import { convolutionGeometry } from "../geometry/geometry.ts";
import { weightOperand } from "../weights/weight_layout.ts";
import { addProducts, type AttentionProducts, declareProducts, storeProducts } from "./attention_products.ts";
import { planWeightGrad } from "./conv2d_weight_grad.ts";
import {
  type Accumulator,
  accumulators,
  correlate,
  CORRELATION_ROWS,
  correlationTile,
  correlationUniforms,
} from "./correlation.ts";
import { sharedCorrelation } from "./shared_correlation.ts";

/**
 * The products for the attentions' gradients. An invocation has one sample and some blocks of output channels. It
 * computes the sample's part of the weight gradient tile by tile over the input channels, and sums that part times the
 * n kernels. If samples and output channels are too few for the device, input channels are split among invocations and
 * their sums are added.
 */
export const conv2dAttentionProducts: Kernel = (node, context) => {
  const shared = sharedCorrelation(node as Node<typeof conv2dAttentionProductsOperator>, context);
  if (shared) return planWeightGrad(shared.weightGrad, shared, context);
  const { x, gradient, weight, channel } = node.operands as OperandsOf<typeof conv2dAttentionProductsOperator>;
  const attributes = node.attributes as AttributesOf<typeof conv2dAttentionProductsOperator>;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, gradient.shape, attributes);
  const { kernel: [kh, kw], output, groups, groupInputs, groupOutputs, weightTexels } = geometry;
  const tile = correlationTile(geometry, context.capabilities.profile === "hardware");
  const sums = accumulators(geometry, tile, Math.min(4, x.shape[1]));
  const outTiles = Math.ceil(groupOutputs / tile.outputs);
  const inTiles = groupInputs / tile.inputs;
  const tiles = outTiles * groups * kh * output.batch;
  const y = context.output(node);
  const fitting = Math.floor(mostBytes(context.capabilities) / (y.texels * TEXEL_BYTES));
  const splits = splitsFor(tiles, context, Math.min(inTiles, fitting));
  const products = { kernels, kw, tile, channel: channel !== undefined, depthwise: geometry.depthwise, kept: false };
  const p = splits > 1 ? context.scratch(`${node.name} parts`, y.texels * splits) : y;
  context.emit(dispatch({
    label: `conv2d_${kh}x${kw}_attention_products`,
    reads: {
      x: context.operand(x),
      gradient: context.operand(gradient),
      weight: weightOperand(weight, geometry, attributes.groups, context).weight,
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
      weight_texels: weightTexels,
      taps: kh * kw,
    },
    invocations: tiles * splits,
    workgroupSize: 8,
    body: body(sums, products, correlate(geometry, tile, sums, "outputs")),
  }));
  if (splits > 1) sumCopies({ from: p, copies: splits }, y, context);
};

function body(sums: readonly Accumulator[], products: AttentionProducts, correlation: string): string {
  const { kw, tile, channel } = products;
  const channels = Array.from(
    { length: channel ? tile.inputs : 0 },
    (_, i) => `let channel${i} = channel(s * u.in_blocks + in_block + ${i}u);`,
  );
  return wgsl`
    // Neighbours are samples: they read the same weights, which are more than caches hold.
    let s = id % u.batch;
    let o = id / u.batch % u.out_tiles * ${tile.outputs}u;
    let ky = id / (u.batch * u.out_tiles) % u.kernel_y;
    let group = id / (u.batch * u.out_tiles * u.kernel_y) % u.groups;
    let split = id / (u.batch * u.out_tiles * u.kernel_y * u.groups);
    let out_block = group * u.group_outputs + o;
    let tap = ky * ${kw}u;
    ${CORRELATION_ROWS}
    ${declareProducts(products)}
    ${sums.map(({ name }) => `var ${name} = vec4f();`)}
    for (var i = split * u.split_inputs; i < min(u.group_inputs, (split + 1u) * u.split_inputs); i += ${tile.inputs}u) {
      let in_block = group * u.group_inputs + i;
      ${sums.map(({ name }) => `${name} = vec4f();`)}${correlation}
      ${channels}
      ${addProducts(products, sums)}
    }
    ${storeProducts(products, "split")}`;
}
