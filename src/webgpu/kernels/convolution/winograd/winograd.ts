/**
 * 3x3 convolution of stride 1 with Winograd's F(m, 3). Inputs and kernels are transformed. They are multiplied position
 * by position as (m + 2)² matrix products. The products are transformed back. The products are 1x1 convolutions over
 * "images" of tiles:
 *
 *     transformed inputs    [set][position][Cin/4][tile]
 *     transformed kernels   [set][position], then the layout of the kernel's channels (../weights/weight_layout.ts)
 *     products              [set][position][Cout/4][tile]
 *
 * A set shares one kernel. It is all samples of a dispatch, or one sample if each sample has its own kernel.
 *
 * @module
 */

import { DeviceError } from "../../../../errors.ts";
import { toFloat16 } from "../../../../float16.ts";
import { type Dispatch, dispatch, type Resource } from "../../../plan/kernel.ts";
import { blocksOf, TEXEL_BYTES } from "../../../plan/layout.ts";
import { mostBytes } from "../../../plan/limits.ts";
import type { Capabilities, PlanContext, Precision, Upload } from "../../../plan/plan.ts";
import type { Tile } from "../../../plan/variant.ts";
import { numberOf } from "../../wgsl/numbers.ts";
import { range } from "../../wgsl/range.ts";
import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";
import { convolve } from "../convolve/convolve.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { sampleTexels, type WinogradGeometry, winogradProduct } from "../geometry/winograd_geometry.ts";
import { loadEpilogue, store } from "../operands/epilogue.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import type { MixOperands } from "../weights/mix_kernels.ts";
import { MOST_CHUNK_BYTES } from "../weights/sample_chunks.ts";
import type { WeightLayout } from "../weights/weight_layout.ts";
import { transformSquare, transformSquareWgsl, winogradMatrices } from "./winograd_matrices.ts";

/** Returns the layout of one position of kernels with that layout. */
function transformedLayout({ vector, strides: { input, output, lane }, texels }: WeightLayout): WeightLayout {
  return {
    vector,
    strides: { input: input / 9, output: output / 9, lane: lane / 9 },
    texels: texels / 9,
    reversed: false,
  };
}

/**
 * Packs one kernel [Cout, Cin, 3, 3] as transformed kernels. They are stored in float32. They are computed from the
 * kernel in the precision that other algorithms store, so that all algorithms give the same results.
 */
export function packWinograd(
  { geometry: { input, output }, size, positions }: WinogradGeometry,
  layout: WeightLayout,
  name: string,
  precision: Precision,
): Upload["pack"] {
  const { vector, strides, texels } = transformedLayout(layout);
  const place = (o: number, i: number) =>
    vector === "inputs"
      ? (o * strides.lane + (i >> 2) * strides.input) * 4 + (i & 3)
      : ((o >> 2) * strides.output + i * strides.lane) * 4 + (o & 3);
  const { kernel } = winogradMatrices(size);
  const transformed = new Float64Array(positions);
  const refused = (message: string) => new DeviceError(message);
  return (weight, out) => {
    const data = precision === "float16" ? toFloat16(name, weight, refused) : weight;
    for (let o = 0, from = 0; o < output.channels; o++) {
      for (let i = 0; i < input.channels; i++, from += 9) {
        transformSquare(kernel, data.subarray(from, from + 9), transformed);
        const to = place(o, i);
        for (let position = 0; position < positions; position++) {
          out[position * texels * 4 + to] = transformed[position];
        }
      }
    }
  };
}

/**
 * Transforms the kernels of some samples, mixed as in mixKernels. Without attentions there is one kernel for all
 * samples. `y` holds kernelTexels per kernel. An invocation reads the n kernels once for all samples.
 */
export function transformKernels(
  { geometry: { input, groupInputs }, size, positions, kernelTexels }: WinogradGeometry,
  { weight, layout, kernel, channel, spatial, y, kernels, samples }: MixOperands,
): Dispatch {
  const transformed = transformedLayout(layout);
  const numbers = range(kernels);
  const taps = range(9);
  const number = (name: string, count: number, i: number) => numberOf(name, `s * ${blocksOf(count)}u`, i);
  const factors = (tap: number) => [channel ? " * c" : "", spatial ? ` * t${tap}` : ""].join("");
  const mixed = (tap: number) => numbers.map((k) => `v${tap}_${k}${kernel ? ` * k${k}` : ""}`).join(" + ");
  const channelOf = layout.vector === "inputs"
    ? "channel(s * u.in_blocks + id / u.w_input % u.in_blocks)"
    : "channel(s * u.in_blocks + id / u.w_lane % u.rows / 4u)[id / u.w_lane % 4u]";
  return dispatch({
    label: "winograd_kernels",
    reads: { weight, kernel, channel, spatial },
    writes: { y },
    uniforms: {
      in_blocks: input.blocks,
      rows: groupInputs * 4,
      w_input: transformed.strides.input,
      w_lane: transformed.strides.lane,
      weight_texels: layout.texels,
      kernel_texels: kernelTexels,
      first_sample: samples[0],
      samples: samples[1] - samples[0],
    },
    invocations: transformed.texels,
    workgroupSize: 16,
    body: wgsl`
      let start = id * 9u;
      ${
      taps.flatMap((tap) => numbers.map((k) => `let v${tap}_${k} = weight(start + ${k}u * u.weight_texels + ${tap}u);`))
    }
      for (var sample = 0u; sample < u.samples; sample++) {
        let s = sample + u.first_sample;
        ${kernel && numbers.map((k) => `let k${k} = ${number("kernel", kernels, k)};`)}
        ${channel && `let c = ${channelOf};`}
        ${spatial && taps.map((tap) => `let t${tap} = ${number("spatial", 9, tap)};`)}
        ${taps.map((tap) => `let w${tap} = (${mixed(tap)})${factors(tap)};`)}
        ${
      transformSquareWgsl(
        winogradMatrices(size).kernel,
        (r, c) => `w${layout.reversed ? 8 - r * 3 - c : r * 3 + c}`,
        "q",
      )
    }
        let to = sample * u.kernel_texels + id;
        ${eachPosition(positions, (r, c, position) => `y[to + ${position}u * u.count] = q_${r}_${c};`)}
      }`,
  });
}

/** Returns one WGSL line per position of a transformed tile. */
function eachPosition(positions: number, line: (row: number, column: number, position: number) => string): Wgsl {
  const extent = Math.sqrt(positions);
  return range(positions).map((p) => line(Math.floor(p / extent), p % extent, p));
}

/**
 * Plans the convolution of some samples with transformed kernels. `weight` has one kernel, or one for each of the
 * samples.
 */
export function winogradConvolution(
  winograd: WinogradGeometry,
  operands: ConvolutionOperands,
  name: string,
  tile: Tile,
  context: PlanContext,
): void {
  const { samples, perSampleWeights } = operands;
  const product = winogradProduct(winograd, perSampleWeights, samples[1] - samples[0]);
  const transformed = context.scratch(`${name} transformed`, product.input.texels);
  context.emit(transformInput(winograd, operands, product, transformed));
  const products = context.scratch(`${name} products`, product.output.texels);
  context.emit(convolve(
    product,
    {
      x: context.operandOf(transformed),
      weight: operands.weight,
      layout: transformedLayout(operands.layout),
      activation: "none",
      y: products,
      perSampleWeights: true,
      samples: [0, product.output.batch],
    },
    tile,
    "winograd_products",
  ));
  context.emit(transformOutput(winograd, operands, product, products));
}

/**
 * Most bytes of transformed inputs that a software adapter's caches keep until they are read, and the same again of
 * products.
 */
const CACHED_BYTES = 2 ** 21;

/**
 * Returns the most samples of a dispatch. None of its tensors may need too much memory. On software adapters, its
 * tensors should stay in the caches until they are read, because that saves more than extra dispatches cost. But shared
 * kernels are read again for every dispatch, so a dispatch may always use as many bytes as the kernels have.
 */
export function winogradSamples(
  winograd: WinogradGeometry,
  perSampleWeights: boolean,
  capabilities: Capabilities,
): number {
  const texels = sampleTexels(winograd, false);
  const bytes = Math.min(MOST_CHUNK_BYTES, mostBytes(capabilities));
  const most = bytes / TEXEL_BYTES / sampleTexels(winograd, perSampleWeights);
  const shared = perSampleWeights ? 0 : winograd.kernelTexels * TEXEL_BYTES;
  const cached = Math.max(CACHED_BYTES, shared) / TEXEL_BYTES / texels;
  return capabilities.profile === "software" ? Math.min(most, cached) : most;
}

/** Returns the places of a sample's tiles in transformed inputs or in products with that many blocks of channels. */
function strides(perSample: boolean, blocks: number, positions: number, setTiles: number, tiles: number) {
  return {
    row_tiles: setTiles,
    position_stride: blocks * setTiles,
    sample_stride: perSample ? positions * blocks * setTiles : tiles,
  };
}

function transformInput(
  { geometry: { input, padding }, size, positions, tileColumns, tiles }: WinogradGeometry,
  { x, samples, perSampleWeights }: ConvolutionOperands,
  product: ConvolutionGeometry,
  y: Resource,
): Dispatch {
  const extent = range(size + 2);
  return dispatch({
    label: "winograd_inputs",
    reads: { x },
    writes: { y },
    uniforms: {
      in_blocks: input.blocks,
      height: input.height,
      width: input.width,
      padding_y: padding[0],
      padding_x: padding[1],
      tile_columns: tileColumns,
      tiles,
      first_sample: samples[0],
      ...strides(perSampleWeights, input.blocks, positions, product.input.pixels, tiles),
    },
    invocations: tiles * input.blocks * (samples[1] - samples[0]),
    workgroupSize: 16,
    body: wgsl`
      let tile = id % u.tiles;
      let block = (id / u.tiles) % u.in_blocks;
      let sample = id / (u.tiles * u.in_blocks);
      let top = i32(tile / u.tile_columns * ${size}u) - i32(u.padding_y);
      let left = i32(tile % u.tile_columns * ${size}u) - i32(u.padding_x);
      let first = i32(((sample + u.first_sample) * u.in_blocks + block) * u.height * u.width) + top * i32(u.width) + left;
      ${extent.map((j) => `let inside${j} = u32(left + ${j}) < u.width;`)}
      ${
      extent.map((i) =>
        wgsl`
          let row${i} = first + ${i} * i32(u.width);
          let within${i} = u32(top + ${i}) < u.height;
          ${extent.map((j) => `let x_${i}_${j} = select(vec4f(), x(u32(row${i} + ${j})), within${i} && inside${j});`)}`
      )
    }
      ${transformSquareWgsl(winogradMatrices(size).input, (r, c) => `x_${r}_${c}`, "v")}
      let to = sample * u.sample_stride + block * u.row_tiles + tile;
      ${eachPosition(positions, (r, c, position) => `y[to + ${position}u * u.position_stride] = v_${r}_${c};`)}`,
  });
}

function transformOutput(
  { geometry: { output }, size, positions, tileColumns, tiles }: WinogradGeometry,
  { filter, bias, perSampleBias, residual, activation, y, samples, perSampleWeights }: ConvolutionOperands,
  product: ConvolutionGeometry,
  products: Resource,
): Dispatch {
  const extent = range(size);
  const epilogue = { filter, bias, perSampleBias, residual, activation };
  return dispatch({
    label: "winograd_outputs",
    reads: { products, filters: filter, bias, residual },
    writes: { y },
    uniforms: {
      out_blocks: output.blocks,
      height: output.height,
      width: output.width,
      tile_columns: tileColumns,
      tiles,
      first_sample: samples[0],
      ...strides(perSampleWeights, output.blocks, positions, product.output.pixels, tiles),
    },
    invocations: tiles * output.blocks * (samples[1] - samples[0]),
    workgroupSize: 16,
    body: wgsl`
      let tile = id % u.tiles;
      let o = (id / u.tiles) % u.out_blocks;
      let sample = id / (u.tiles * u.out_blocks);
      let s = sample + u.first_sample;
      let start = sample * u.sample_stride + o * u.row_tiles + tile;
      ${
      eachPosition(
        positions,
        (r, c, position) => `let m_${r}_${c} = products(start + ${position}u * u.position_stride);`,
      )
    }
      ${transformSquareWgsl(winogradMatrices(size).output, (r, c) => `m_${r}_${c}`, "a")}
      let row = tile / u.tile_columns * ${size}u;
      let column = tile % u.tile_columns * ${size}u;
      let first = ((s * u.out_blocks + o) * u.height + row) * u.width + column;
      ${loadEpilogue(epilogue, "o")}
      ${
      extent.flatMap((i) =>
        extent.map((j) =>
          `if (row + ${i}u < u.height && column + ${j}u < u.width) { let at = first + ${i}u * u.width + ${j}u; ${
            store(epilogue, `a_${i}_${j}`)
          } }`
        )
      )
    }`,
  });
}
