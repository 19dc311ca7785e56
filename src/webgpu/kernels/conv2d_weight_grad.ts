import type { AttributesOf, OperandsOf, Shape, Value } from "../../graph/graph.ts";
import type { conv2dWeightGrad as conv2dWeightGradOperator } from "../../graph/ops/convolution_grad.ts";
import { dispatch } from "../kernel.ts";
import { blocked, blocksOf } from "../layout.ts";
import type { Kernel } from "../planner.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./convolution_geometry.ts";
import {
  type Accumulator,
  accumulators,
  correlate,
  CORRELATION_ROWS,
  correlationTile,
  correlationUniforms,
} from "./correlation.ts";
import { gather, scatterTable } from "./gather.ts";
import { splitsFor, sumCopies } from "./partial_sums.ts";

/** Which attentions there are. */
type Scales = Readonly<Record<"filters" | "channel" | "spatial" | "kernel", boolean>>;

/**
 * The gradient to a weight: every invocation sums a register tile of it over pixels and samples, each sample's part
 * scaled by the attentions. Where that leaves the device idle, samples are split among invocations and their sums added.
 */
export const conv2dWeightGrad: Kernel = (node, context) => {
  const { x, gradient, channel, filter, spatial, kernel } = node.operands as OperandsOf<
    typeof conv2dWeightGradOperator
  >;
  const attributes = node.attributes as AttributesOf<typeof conv2dWeightGradOperator>;
  const { weightShape } = attributes;
  const each = weightShape.slice(-4);
  const kernels = weightShape.length === 5 ? weightShape[0] : 1;
  const geometry = convolutionGeometry(x.shape, each, gradient.shape, attributes);
  const { kernel: [kh, kw], groups, groupInputs, groupOutputs, weightTexels } = geometry;
  const { batch } = geometry.output;
  const buffers = context.capabilities.operands === "buffer";
  const store = storeOf(geometry, weightShape, attributes.groups);
  const texels = store.packed ? weightTexels * kernels : blocked(weightShape).texels;
  const tile = correlationTile(geometry, buffers && kernels > 1);
  const sums = accumulators(geometry, tile, Math.min(4, store.vector === "outputs" ? x.shape[1] : each[0]));
  const outTiles = Math.ceil(groupOutputs / tile.outputs);
  const inTiles = groupInputs / tile.inputs;
  const tiles = outTiles * inTiles * groups * kh;
  const splits = splitsFor(tiles, context, batch);
  const read = (value: Value | undefined) => value && context.read(value);
  const y = context.output(node);
  const whole = store.packed ? context.scratch(`${node.name} packed`, texels) : y;
  const dw = splits > 1 ? context.scratch(`${node.name} parts`, texels * splits) : whole;
  const scales = { filters: filter, channel, spatial, kernel };
  context.emit(dispatch({
    label: `conv2d_${kh}x${kw}_weight_grad`,
    reads: {
      x: context.operand(x),
      gradient: context.operand(gradient),
      filters: read(filter),
      channel: read(channel),
      spatial: read(spatial),
      kernel: read(kernel),
    },
    writes: { dw },
    uniforms: {
      ...correlationUniforms(geometry),
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      out_tiles: outTiles,
      in_tiles: inTiles,
      groups,
      batch,
      samples: Math.ceil(batch / splits),
      split_texels: texels,
      kernel_texels: texels / kernels,
      taps: kh * kw,
      outputs: each[0],
      inputs: each[1],
    },
    invocations: tiles * splits,
    workgroupSize: 8,
    body: body(sums, store, {
      scales: {
        filters: !!scales.filters,
        channel: !!scales.channel,
        spatial: !!scales.spatial,
        kernel: !!scales.kernel,
      },
      kernels,
      kw,
      tile,
      correlation: correlate(geometry, tile, sums, store.vector),
    }),
  }));
  if (splits > 1) context.emit(sumCopies(dw, splits, whole));
  if (store.packed) {
    const table = scatterTable(node.name, weightShape, texels, geometry.pack);
    gather(node.name, whole, table, y, context);
  }
};

/** How a tile is stored. */
interface Store {
  /** As the forward convolution's weights, from where it must be laid out as values are; or as values are. */
  readonly packed: boolean;
  /** The channels that a texel runs over. */
  readonly vector: "outputs" | "inputs";
  /** WGSL of an accumulator's place within its kernel. */
  readonly index: (sum: Accumulator) => string;
  /** WGSL of whether it has one. */
  readonly exists: (sum: Accumulator) => string;
  /** WGSL of which of its channels exist, where not all need to. */
  readonly there?: (sum: Accumulator) => string;
}

function storeOf(geometry: ConvolutionGeometry, weightShape: Shape, groups: number): Store {
  const dynamic = weightShape.length === 5;
  const [outputs, inputs] = weightShape.slice(-4);
  const whole = (block: string, extent: string) =>
    `vec4u((${block}) * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.${extent})`;
  const out = ({ output }: Accumulator) => `out_block + ${output}u`;
  const tail = (sum: Accumulator) => `o + ${sum.output}u < u.group_outputs`;
  const tap = ({ tap }: Accumulator) => `tap + ${tap}u`;
  const input = ({ input, lane }: Accumulator) => `((i + ${input}u) * 4u + ${lane}u)`;
  if (geometry.depthwise) {
    return {
      packed: !dynamic,
      vector: "outputs",
      index: (sum) => `(${out(sum)}) * u.taps + ${tap(sum)}`,
      exists: () => "true",
      there: outputs % 4 === 0 ? undefined : (sum) => whole(out(sum), "outputs"),
    };
  }
  if (groups !== geometry.groups) {
    return {
      packed: true,
      vector: "outputs",
      index: (sum) =>
        `((in_block + ${sum.input}u) * u.taps + ${tap(sum)}) * 4u * u.group_outputs + ${sum.lane}u * u.group_outputs` +
        ` + o + ${sum.output}u`,
      exists: tail,
    };
  }
  if (dynamic) {
    return {
      packed: false,
      vector: "outputs",
      index: (sum) => `((${out(sum)}) * u.inputs + ${input(sum)}) * u.taps + ${tap(sum)}`,
      exists: (sum) => `${tail(sum)} && ${input(sum)} < u.inputs`,
      there: outputs % 4 === 0 ? undefined : (sum) => whole(out(sum), "outputs"),
    };
  }
  const row = (sum: Accumulator) => `((${out(sum)}) * 4u + ${sum.lane}u)`;
  return {
    packed: false,
    vector: "inputs",
    index: (sum) => `(${row(sum)} * u.group_inputs + i + ${sum.input}u) * u.taps + ${tap(sum)}`,
    exists: (sum) => `${tail(sum)} && ${row(sum)} < u.outputs`,
    there: inputs % 4 === 0 ? undefined : (sum) => whole(`i + ${sum.input}u`, "inputs"),
  };
}

function body(
  sums: readonly Accumulator[],
  { vector, index, exists, there }: Store,
  { scales, kernels, kw, tile, correlation }: {
    scales: Scales;
    kernels: number;
    kw: number;
    tile: { readonly outputs: number; readonly inputs: number };
    correlation: string;
  },
): string {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const line = (lines: readonly string[]) => lines.join("\n");
  // Without attentions the samples' parts simply add up.
  const scaled = Object.values(scales).some((there) => there);
  const total = (sum: Accumulator, n: number) => scaled ? `t${n}_${sum.name}` : sum.name;
  const reset = line(sums.map(({ name }) => `  ${name} = vec4f();`));
  const load = [
    ...range(scales.filters ? tile.outputs : 0).map((o) =>
      `    let filter${o} = filters(s * u.out_blocks + out_block + ${o}u);`
    ),
    ...range(scales.channel ? tile.inputs : 0).map((i) =>
      `    let channel${i} = channel(s * u.in_blocks + in_block + ${i}u);`
    ),
    ...range(scales.spatial ? kw : 0).map((k) =>
      `    let spatial${k} = spatial(s * ((u.taps + 3u) / 4u) + (tap + ${k}u) / 4u)[(tap + ${k}u) % 4u];`
    ),
    ...range(scales.kernel ? kernels : 0).map((n) =>
      `    let kernel${n} = kernel(s * ${blocksOf(kernels)}u + ${n >> 2}u)[${n & 3}];`
    ),
  ];
  // The side that a texel runs over is scaled as a whole, the other by its channel's number.
  const scale = ({ output, input, lane, tap }: Accumulator) => {
    const channelOf = (name: string, runs: boolean) => runs || lane === undefined ? name : `${name}[${lane}]`;
    return [
      scales.filters ? channelOf(`filter${output}`, vector === "outputs") : "",
      scales.channel ? channelOf(`channel${input}`, vector === "inputs") : "",
      scales.spatial ? `spatial${tap}` : "",
    ].filter((factor) => factor).map((factor) => ` * ${factor}`).join("");
  };
  const add = sums.map((sum) =>
    `    { let part = ${sum.name}${scale(sum)}; ${
      range(kernels).map((n) => `${total(sum, n)} += part${scales.kernel ? ` * kernel${n}` : ""};`).join(" ")
    } }`
  );
  const stores = range(kernels).flatMap((n) =>
    sums.map((sum) => {
      const value = there ? `select(vec4f(), ${total(sum, n)}, ${there(sum)})` : total(sum, n);
      return `  if (${exists(sum)}) { dw[base + ${n}u * u.kernel_texels + ${index(sum)}] = ${value}; }`;
    })
  );
  return `
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
${line(sums.map(({ name }) => `  var ${name} = vec4f();`))}
${scaled ? line(sums.flatMap((sum) => range(kernels).map((n) => `  var ${total(sum, n)} = vec4f();`))) : ""}
  for (var s = split * u.samples; s < min(u.batch, (split + 1u) * u.samples); s++) {
${scaled ? reset : ""}${correlation}
${scaled ? line([...load, ...add]) : ""}
  }
${line(stores)}`;
}
