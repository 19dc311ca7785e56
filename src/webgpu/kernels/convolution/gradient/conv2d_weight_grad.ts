import type { Node, Value } from "../../../../graph/graph.ts";
import {
  type conv2dWeightGrad as conv2dWeightGradOperator,
  isPerSample,
} from "../../../../graph/ops/convolution_grad.ts";
import { dispatch } from "../../../plan/kernel.ts";
import { blocked, blocksOf, TEXEL_BYTES } from "../../../plan/layout.ts";
import { mostBytes } from "../../../plan/limits.ts";
import type { Kernel, PlanContext } from "../../../plan/plan.ts";
import { gather, gatherEach, scatterTable } from "../../layout/gather.ts";
import { splitsFor, sumCopies } from "../../reduction/partial_sums.ts";
import { numberOf } from "../../wgsl/numbers.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import { convolutionGeometry } from "../geometry/geometry.ts";
import { weightOperand } from "../weights/weight_layout.ts";
import { packWeights } from "../weights/weight_packing.ts";
import { addProducts, declareProducts, loadWeights } from "./attention_products.ts";
import { type AttentionSums, attentionSums, planSums, storeSums, sumChunks, sumOutputs } from "./attention_sums.ts";
import {
  type Accumulator,
  accumulators,
  correlate,
  CORRELATION_ROWS,
  type CorrelationTile,
  correlationTile,
  correlationUniforms,
} from "./correlation.ts";
import { type SharedCorrelation, sharedCorrelation } from "./shared_correlation.ts";
import { type WeightGradStore, weightGradStore } from "./weight_grad_store.ts";

/** The parameters of the kernel's WGSL, besides its accumulators. */
interface Variant {
  /** Which attentions the convolution has. */
  readonly scales: Readonly<Record<"filter" | "channel" | "spatial" | "kernel", boolean>>;
  readonly kernels: number;
  /** The taps of a row of the window. */
  readonly kw: number;
  readonly tile: CorrelationTile;
  readonly store: WeightGradStore;
  /** WGSL of the correlation. */
  readonly correlation: string;
  /** Present if the kernel also computes the attentions' gradients. */
  readonly attentions?: AttentionSums;
  /** Whether the sums are added to the sums of earlier samples. */
  readonly adds: boolean;
}

/**
 * The gradient to a weight. Every invocation sums a register tile of it over pixels and samples. Each sample's part is
 * scaled by the attentions. If there are too few invocations for the device, samples are split among invocations and
 * their sums are added. The attentions' gradients are computed in the same kernel if they are needed
 * (./shared_correlation.ts). If each sample has its own weight, every split is one sample, and the splits are the
 * result.
 */
export const conv2dWeightGrad: Kernel = (node, context) => {
  const weightGrad = node as Node<typeof conv2dWeightGradOperator>;
  planWeightGrad(weightGrad, sharedCorrelation(weightGrad, context), context);
};

/** Plans conv2d_weight_grad and, if given, the other gradients of the same correlation. */
export function planWeightGrad(
  node: Node<typeof conv2dWeightGradOperator>,
  shared: SharedCorrelation | undefined,
  context: PlanContext,
): void {
  const { x, gradient, channel, filter, spatial, kernel } = node.operands;
  const { attributes } = node;
  const { weightShape } = attributes;
  const each = weightShape.slice(-4);
  const perSample = isPerSample(weightShape, kernel);
  const kernels = weightShape.length === 5 && !perSample ? weightShape[0] : 1;
  const geometry = convolutionGeometry(x.shape, each, gradient.shape, attributes);
  const { kernel: [kh, kw], groups, groupInputs, groupOutputs, weightTexels } = geometry;
  const { batch } = geometry.output;
  const software = context.capabilities.profile === "software";
  const store = weightGradStore(geometry, weightShape, attributes.groups);
  const results = perSample ? batch : 1;
  const texels = store.packed ? weightTexels * kernels : blocked(weightShape).texels / results;
  const tile = correlationTile(geometry, !software && kernels > 1);
  const sums = accumulators(geometry, tile, Math.min(4, store.vector === "outputs" ? x.shape[1] : each[0]));
  const outTiles = Math.ceil(groupOutputs / tile.outputs);
  const inTiles = groupInputs / tile.inputs;
  const tiles = outTiles * inTiles * groups * kh;
  const counts = { outTiles, inTiles, kept: software };
  const chunks = shared ? sumChunks(shared, geometry, tile, counts, context.capabilities) : [[0, batch] as const];
  const fitting = Math.floor(mostBytes(context.capabilities) / (texels * TEXEL_BYTES));
  const splits = perSample ? batch : splitsFor(tiles, context, Math.min(chunks[0][1], fitting));
  const read = (value: Value | undefined) => value && context.read(value);
  const y = context.output(node);
  const packed = store.packed ? context.scratch(`${node.name} packed`, texels * results) : y;
  const dw = splits > results ? context.scratch(`${node.name} parts`, texels * splits) : packed;
  const reads = {
    x: context.operand(x),
    gradient: context.operand(gradient),
    weight: shared && weightOperand(shared.products.operands.weight, geometry, attributes.groups, context).weight,
    filters: read(filter),
    channel: read(channel),
    spatial: read(spatial),
    kernel: read(kernel),
  };
  const ys = shared && sumOutputs(shared, context);
  for (const samples of chunks) {
    const attentions = shared && attentionSums(shared, geometry, tile, counts, samples);
    const p = attentions && context.scratch(`${shared.products.name} sums`, attentions.texels);
    context.emit(dispatch({
      label: `conv2d_${kh}x${kw}_weight_grad${attentions ? "_and_attention_grads" : ""}`,
      reads,
      writes: p ? { dw, p } : { dw },
      uniforms: {
        ...correlationUniforms(geometry),
        group_inputs: groupInputs,
        group_outputs: groupOutputs,
        out_tiles: outTiles,
        in_tiles: inTiles,
        groups,
        first_sample: samples[0],
        end_sample: samples[1],
        samples: Math.ceil((samples[1] - samples[0]) / splits),
        split_texels: texels,
        kernel_texels: texels / kernels,
        weight_texels: weightTexels,
        taps: kh * kw,
        outputs: each[0],
        inputs: each[1],
        ...attentions?.uniforms,
      },
      invocations: tiles * splits,
      workgroupSize: 8,
      body: body(sums, {
        scales: { filter: !!filter, channel: !!channel, spatial: !!spatial, kernel: !!kernel },
        kernels,
        kw,
        tile,
        store,
        correlation: correlate(geometry, tile, sums, store.vector),
        attentions,
        adds: samples[0] > 0,
      }),
    }));
    if (attentions && p && ys) planSums(attentions, p, ys, context);
  }
  if (splits > results) sumCopies({ from: dw, copies: splits }, packed, context);
  if (store.packed) {
    const shape = perSample ? [1, ...each] : weightShape;
    const table = scatterTable(node.name, shape, texels, packWeights(shape, geometry, attributes.groups));
    if (perSample) gatherEach(node.name, packed, table, batch, y, context);
    else gather(node.name, packed, table, y, context);
  }
}

function body(sums: readonly Accumulator[], variant: Variant): string {
  const { scales, kernels, kw, tile, correlation, attentions, adds, store: { vector, index, exists, there } } = variant;
  // Without attentions, the samples' parts are added without scaling.
  const scaled = attentions !== undefined || Object.values(scales).some((there) => there);
  const total = (sum: Accumulator, n: number) => scaled ? `t${n}_${sum.name}` : sum.name;
  const reset = sums.map(({ name }) => `${name} = vec4f();`);
  const load = [
    ...range(scales.filter ? tile.outputs : 0).map((o) =>
      `let filter${o} = filters(s * u.out_blocks + out_block + ${o}u);`
    ),
    ...range(scales.channel ? tile.inputs : 0).map((i) =>
      `let channel${i} = channel(s * u.in_blocks + in_block + ${i}u);`
    ),
    ...range(scales.spatial ? kw : 0).map((k) =>
      `let spatial${k} = spatial(s * ((u.taps + 3u) / 4u) + (tap + ${k}u) / 4u)[(tap + ${k}u) % 4u];`
    ),
    ...range(scales.kernel ? kernels : 0).map((n) =>
      `let kernel${n} = ${numberOf("kernel", `s * ${blocksOf(kernels)}u`, n)};`
    ),
  ];
  // The channels within a texel are scaled as a vector. Those of the other side are scaled by their own number.
  const scale = ({ output, input, lane, tap }: Accumulator) => {
    const channelOf = (name: string, runs: boolean) => runs || lane === undefined ? name : `${name}[${lane}]`;
    return [
      scales.filter ? channelOf(`filter${output}`, vector === "outputs") : "",
      scales.channel ? channelOf(`channel${input}`, vector === "inputs") : "",
      scales.spatial ? `spatial${tap}` : "",
    ].filter((factor) => factor).map((factor) => ` * ${factor}`).join("");
  };
  const add = sums.map((sum) =>
    `{ let part = ${sum.name}${scale(sum)}; ${
      range(kernels).map((n) => `${total(sum, n)} += part${scales.kernel ? ` * kernel${n}` : ""};`).join(" ")
    } }`
  );
  const stores = range(kernels).flatMap((n) =>
    sums.map((sum) => {
      const value = there ? `select(vec4f(), ${total(sum, n)}, ${there(sum)})` : total(sum, n);
      const at = `base + ${n}u * u.kernel_texels + ${index(sum)}`;
      return `if (${exists(sum)}) { dw[${at}] = ${adds ? `dw[${at}] + ` : ""}${value}; }`;
    })
  );
  return wgsl`
    let o = (id % u.out_tiles) * ${tile.outputs}u;
    let ky = (id / u.out_tiles) % u.kernel_y;
    let i = (id / (u.out_tiles * u.kernel_y)) % u.in_tiles * ${tile.inputs}u;
    let group = id / (u.out_tiles * u.kernel_y * u.in_tiles) % u.groups;
    let split = id / (u.out_tiles * u.kernel_y * u.in_tiles * u.groups);
    let out_block = group * u.group_outputs + o;
    let in_block = group * u.group_inputs + i;
    let tap = ky * ${kw}u;
    let base = split * u.split_texels;
    ${CORRELATION_ROWS}
    ${sums.map(({ name }) => `var ${name} = vec4f();`)}
    ${scaled ? (sums.flatMap((sum) => range(kernels).map((n) => `var ${total(sum, n)} = vec4f();`))) : ""}
    ${attentions ? loadWeights(attentions.products, sums) : ""}
    let first = u.first_sample + split * u.samples;
    for (var s = first; s < min(u.end_sample, first + u.samples); s++) {
      ${scaled ? reset : ""}${correlation}
      ${scaled ? [...load, ...add] : ""}
      ${attentions ? sumsOfSample(attentions, sums) : ""}
    }
    ${stores}`;
}

/** Returns WGSL that computes a sample's part of the attentions' gradients and stores it. */
function sumsOfSample(attentions: AttentionSums, sums: readonly Accumulator[]): string {
  const { products } = attentions;
  return wgsl`
    {
      ${declareProducts(products)}
      ${addProducts(products, sums)}
      ${storeSums(attentions)}
    }`;
}
