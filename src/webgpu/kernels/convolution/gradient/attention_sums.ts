/**
 * The gradients of the filter, spatial and kernel attention (src/graph/ops/attention_grad.ts), computed in the weight
 * gradient's kernel. An invocation reduces the products of its tile and a sample in registers and stores its part of
 * each gradient. The parts of some samples (../weights/sample_chunks.ts) are in one buffer, [tile][sample] for each
 * attention. They are summed afterwards:
 *
 *     filter    a texel for each block of output channels
 *     spatial   the taps of a row of the window, from lane 0 on
 *     kernel    the n kernels, from lane 0 on
 *
 * @module
 */

import type { Node, Value } from "../../../../graph/graph.ts";
import { type Dispatch, dispatch, type Resource } from "../../../plan/kernel.ts";
import { blocked, blocksOf, TEXEL_BYTES } from "../../../plan/layout.ts";
import { mostBytes } from "../../../plan/limits.ts";
import type { Capabilities, PlanContext } from "../../../plan/plan.ts";
import { sumCopies } from "../../reduction/partial_sums.ts";
import { channelsOf } from "../../wgsl/numbers.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { inChunks } from "../weights/sample_chunks.ts";
import type { AttentionProducts } from "./attention_products.ts";
import type { CorrelationTile } from "./correlation.ts";
import type { SharedCorrelation } from "./shared_correlation.ts";

/** The attentions' gradients to compute, and the places of their parts. */
export interface AttentionSums {
  readonly shared: SharedCorrelation;
  readonly geometry: ConvolutionGeometry;
  readonly products: AttentionProducts;
  /** The samples [first, end) of these parts. */
  readonly samples: readonly [number, number];
  /** The texels of all parts. */
  readonly texels: number;
  /** For each attention: the first texel of its parts, the number of parts, and the texels of one part. */
  readonly parts: Readonly<Record<"filter" | "spatial" | "kernel", { first: number; copies: number; texels: number }>>;
  readonly uniforms: Readonly<Record<string, number>>;
}

/** Most bytes of parts. Every device can bind as many. */
const MOST_BYTES = 2 ** 27;

/** Returns ranges of samples whose parts a device can bind. */
export function sumChunks(
  shared: SharedCorrelation,
  geometry: ConvolutionGeometry,
  tile: CorrelationTile,
  tiles: CorrelationTiles,
  capabilities: Capabilities,
): (readonly [number, number])[] {
  const { texels } = attentionSums(shared, geometry, tile, tiles, [0, 1]);
  const most = Math.min(MOST_BYTES, mostBytes(capabilities)) / TEXEL_BYTES;
  return [...inChunks(geometry.output.batch, most / Math.max(1, texels))];
}

/** The number of tiles of a group's output channels and of its input channels. */
export interface CorrelationTiles {
  readonly outTiles: number;
  readonly inTiles: number;
  /** See {@link AttentionProducts}. */
  readonly kept: boolean;
}

/** Returns the layout of the parts of some samples. */
export function attentionSums(
  shared: SharedCorrelation,
  geometry: ConvolutionGeometry,
  tile: CorrelationTile,
  { outTiles, inTiles, kept }: CorrelationTiles,
  samples: readonly [number, number],
): AttentionSums {
  const { channel, weight } = shared.products.operands;
  const { kernel: [kh, kw], groups, depthwise, output: { blocks } } = geometry;
  const count = samples[1] - samples[0];
  const [kernels] = weight.shape;
  const tiles = groups * outTiles * inTiles;
  const asked = (to: string) => shared.grads.some(({ attributes }) => attributes.to === to);
  let texels = 0;
  const part = (to: string, copies: number, each: number) => {
    const first = texels;
    if (asked(to)) texels += copies * each;
    return { first, copies, texels: each };
  };
  const parts = {
    filter: part("filter", inTiles * kh, count * blocks),
    spatial: part("spatial", tiles, count * kh * blocksOf(kw)),
    kernel: part("kernel", tiles * kh, count * blocksOf(kernels)),
  };
  return {
    shared,
    geometry,
    products: { kernels, kw, tile, channel: channel !== undefined, depthwise, kept },
    samples,
    texels,
    parts,
    uniforms: { part_samples: count, p_spatial: parts.spatial.first, p_kernel: parts.kernel.first },
  };
}

/**
 * Returns WGSL that reduces the products of sample `s` and stores the parts. Variable names are those of the weight
 * gradient's kernel.
 */
export function storeSums(sums: AttentionSums): string {
  const { shared: { grads }, products: { kernels, kw, tile } } = sums;
  const { mixed, filterGrad, spatialGrad, kernelGrad } = reductions(sums);
  const asked = (to: string) => grads.some(({ attributes }) => attributes.to === to);
  const [outputs, taps, numbers] = [range(tile.outputs), range(kw), range(kernels)];
  // A part has a place for each tile or window row, each sample, and each number of the gradient.
  const filterAt =
    `((i / ${tile.inputs}u * u.kernel_y + ky) * u.part_samples + part_sample) * u.out_blocks + out_block`;
  const spatialAt = `u.p_spatial + ((tile_number * u.part_samples + part_sample) * u.kernel_y + ky) * ${blocksOf(kw)}u`;
  const kernelAt = `u.p_kernel + ((tile_number * u.kernel_y + ky) * u.part_samples + part_sample) * ${
    blocksOf(kernels)
  }u`;
  return wgsl`
    let tile_number = (group * u.out_tiles + o / ${tile.outputs}u) * u.in_tiles + i / ${tile.inputs}u;
    let part_sample = s - u.first_sample;
    ${outputs.map((o) => `let scale${o} = ${outputScale(sums, o)};`)}
    ${outputs.map((o) => taps.map((k) => `let mixed${o}_${k} = ${mixed(o, k)};`))}
    ${
    asked("filter") &&
    outputs.map((o) => `if (o + ${o}u < u.group_outputs) { p[${filterAt} + ${o}u] = ${filterGrad(o)}; }`)
  }
    ${asked("spatial") && storeNumbers(taps.map(spatialGrad), spatialAt)}
    ${asked("kernel") && storeNumbers(numbers.map(kernelGrad), kernelAt)}`;
}

/**
 * Returns WGSL of the sums over the products p{kernel}_{output}_{tap}, and over mixed{output}_{tap} after they are
 * declared.
 */
function reductions({ shared: { weightGrad }, products: { kernels, kw, tile } }: AttentionSums) {
  const { spatial, kernel } = weightGrad.operands;
  const sum = (terms: readonly string[]) => terms.join(" + ");
  const [outputs, taps, numbers] = [range(tile.outputs), range(kw), range(kernels)];
  const ofTap = (k: number) => spatial ? ` * spatial${k}` : "";
  const ofKernel = (n: number) => kernel ? ` * kernel${n}` : "";
  /** The sum over the taps, for one kernel. */
  const tapSum = (o: number, n: number) => sum(taps.map((k) => `p${n}_${o}_${k}${ofTap(k)}`));
  return {
    /** The sum over the kernels, for one tap. */
    mixed: (o: number, k: number) => sum(numbers.map((n) => `p${n}_${o}_${k}${ofKernel(n)}`)),
    /** The sum over kernels and taps, for a block of output channels. */
    filterGrad: (o: number) => sum(taps.map((k) => `mixed${o}_${k}${ofTap(k)}`)),
    /** The sum over kernels and output channels, for a tap. */
    spatialGrad: (k: number) => sum(outputs.map((o) => `dot(mixed${o}_${k}, scale${o})`)),
    /** The sum over taps and output channels, for a kernel. */
    kernelGrad: (n: number) => sum(outputs.map((o) => `dot(${tapSum(o, n)}, scale${o})`)),
  };
}

/**
 * Returns WGSL of the filter attention of a block of output channels. Lanes past the last channel are 0, so they add
 * nothing.
 */
function outputScale({ shared: { weightGrad } }: AttentionSums, o: number): string {
  const filter = weightGrad.operands.filter ? `filter${o}` : "vec4f(1.0)";
  const channels = channelsOf(`(out_block + ${o}u)`);
  return `select(vec4f(), ${filter}, ${channels} < vec4u(select(0u, u.outputs, o + ${o}u < u.group_outputs)))`;
}

/** Returns WGSL that stores numbers in texels, beginning at `at`. */
function storeNumbers(numbers: readonly string[], at: string): string[] {
  return range(blocksOf(numbers.length)).map((block) => {
    const lanes = range(4).map((lane) => numbers[block * 4 + lane] ?? "0.0");
    return `p[${at} + ${block}u] = vec4f(${lanes.join(", ")});`;
  });
}

/** Returns the resources of the attentions' gradients. {@link planSums} fills them. */
export function sumOutputs({ grads }: SharedCorrelation, context: PlanContext): ReadonlyMap<Node, Resource> {
  return new Map(grads.map((grad) => [grad, context.output(grad)]));
}

/** Plans the sums of the parts of some samples. Writes those samples' range of the attentions' gradients. */
export function planSums(
  { shared, geometry, parts, samples }: AttentionSums,
  from: Resource,
  ys: ReadonlyMap<Node, Resource>,
  context: PlanContext,
): void {
  context.take(shared.products.output);
  const whole = samples[1] - samples[0] === geometry.output.batch;
  for (const grad of shared.grads) {
    const { to } = grad.attributes;
    const y = ys.get(grad)!;
    const { first, copies, texels } = parts[to];
    if (to === "spatial") {
      const rows = context.scratch(`${grad.name} rows`, texels);
      sumCopies({ from, first, copies }, rows, context);
      context.emit(joinRows(geometry, rows, grad.output, y, samples));
    } else if (whole) {
      sumCopies({ from, first, copies }, y, context);
    } else {
      const some = context.scratch(`${grad.name} of some samples`, texels);
      sumCopies({ from, first, copies }, some, context);
      context.emit(placeSamples(some, y, y.texels / geometry.output.batch * samples[0]));
    }
  }
}

/** Copies the result of some samples to its place. */
function placeSamples(some: Resource, y: Resource, first: number): Dispatch {
  return dispatch({
    label: "place_samples",
    reads: { some },
    writes: { y },
    uniforms: { first },
    invocations: some.texels,
    body: "y[u.first + id] = some(id);",
  });
}

/** Joins the taps of all window rows, for the samples [first, end). */
function joinRows(
  { kernel: [kh, kw] }: ConvolutionGeometry,
  rows: Resource,
  value: Value,
  y: Resource,
  [first, end]: readonly [number, number],
): Dispatch {
  const { blocks } = blocked(value.shape);
  return dispatch({
    label: "join_rows",
    reads: { rows },
    writes: { y },
    uniforms: {
      taps: kh * kw,
      blocks,
      height: kh,
      width: kw,
      row_texels: blocksOf(kw),
      first_texel: first * blocks,
    },
    invocations: (end - first) * blocks,
    body: wgsl`
      let s = id / u.blocks;
      let block = id % u.blocks;
      var texel = vec4f();
      for (var lane = 0u; lane < min(4u, u.taps - block * 4u); lane++) {
        let tap = block * 4u + lane;
        let k = tap % u.width;
        texel[lane] = rows((s * u.height + tap / u.width) * u.row_texels + k / 4u)[k % 4u];
      }
      y[u.first_texel + id] = texel;`,
  });
}
