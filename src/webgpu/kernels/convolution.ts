/**
 * Convolution by register tiles: an invocation computes `columns` neighbouring pixels of one row for `outputs` blocks of
 * output channels, and reads each input texel of its halo once. No workgroup memory, no barriers: on software adapters
 * both cost more than they save. Operands come from storage textures where those are fastest (see PlanContext.operand).
 *
 * A 1x1 convolution of stride 1 is the same with the whole image as one row: a matrix product.
 *
 * @module
 */

import type { Activation } from "../../graph/ops/shared.ts";
import { type Dispatch, dispatch, type Resource } from "../kernel.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import { directTiles, FEW_LANES, isFlat, type Tile } from "./convolution_tiles.ts";
import { activate } from "./elementwise.ts";

/** What happens to a sum before it is stored: activation(filter * sum + bias + residual). */
export interface Epilogue {
  /** [B, Cout] */
  readonly filter?: Resource;
  /** [Cout] */
  readonly bias?: Resource;
  /** The output's shape. */
  readonly residual?: Resource;
  readonly activation: Activation;
}

/** The operands of a convolution's dispatch. */
export interface ConvolutionOperands extends Epilogue {
  readonly x: Resource;
  /** Packed by ConvolutionGeometry.pack: one kernel, or one for each sample of the dispatch. */
  readonly weight: Resource;
  /** [B, Cin]: scales the input. */
  readonly channel?: Resource;
  /** [B, kh*kw]: scales the window's taps. */
  readonly spatial?: Resource;
  readonly y: Resource;
  /** Each sample has a kernel of its own, the first sample the first. */
  readonly perSampleWeights: boolean;
  /** The samples [first, end) to compute. */
  readonly samples: readonly [number, number];
}

/** WGSL that stores `sum` for block `o` of sample `s` at texel `at`; `bias_v` and `filter_v` hold the block's values. */
export function store({ filter, bias, residual, activation }: Epilogue, sum: string, suffix: string): string {
  let value = filter ? `${sum} * filter${suffix}` : sum;
  if (bias) value += ` + bias${suffix}`;
  if (residual) value += " + residual(at)";
  return `y[at] = ${activate(activation, value)};`;
}

/** WGSL that loads the epilogue's values of block `o` of sample `s` into names ending in `suffix`. */
export function loadEpilogue({ filter, bias }: Epilogue, o: string, suffix: string): string {
  return `${filter ? `  let filter${suffix} = filters(s * u.out_blocks + ${o});\n` : ""}${
    bias ? `  let bias${suffix} = bias(${o});\n` : ""
  }`;
}

/** The input columns that a tile reads of a row, relative to its first. */
export function haloColumns(columns: number, kernel: number, stride: number, dilation: number): number[] {
  const halo = new Set<number>();
  for (let t = 0; t < columns; t++) for (let k = 0; k < kernel; k++) halo.add(t * stride + k * dilation);
  return [...halo].sort((a, b) => a - b);
}

/** WGSL that loads a row of the halo from `row`, the signed texel of the tile's first column, as x0, x1, ... */
export function loadHalo(halo: readonly number[], padded: boolean): string {
  return halo.map((j) =>
    padded
      ? `    let x${j} = select(vec4f(), x(u32(row + ${j})), u32(left + ${j}) < u.width);`
      : `    let x${j} = x(u32(row + ${j}));`
  ).join("\n");
}

/** WGSL for the rows of the window that lie inside the image. */
export const WINDOW_ROWS = `
  let top = i32(row_out * u.stride_y) - i32(u.padding_y);
  let first_ky = (max(0, -top) + i32(u.dilation_y) - 1) / i32(u.dilation_y);
  let end_ky = min(i32(u.kernel_y), (max(0, i32(u.height) - top) + i32(u.dilation_y) - 1) / i32(u.dilation_y));`;

/** The loop over the input blocks of a group where the window has one row. */
const EACH_INPUT = `
  let ky = 0;
  let inputs = select(0u, u.group_inputs, first_ky < end_ky);
  for (var i = 0u; i < inputs; i++) {`;

/**
 * The loop over the input blocks of a group and the window's rows. One loop, not two: software adapters keep the
 * accumulators in memory and copy all of them at the borders of the inner one, which takes half the time.
 */
const EACH_INPUT_ROW = `
  var next_i = 0u;
  var next_ky = first_ky;
  let rows = u.group_inputs * u32(max(0, end_ky - first_ky));
  for (var n = 0u; n < rows; n++) {
    let i = next_i;
    let ky = next_ky;
    let last = ky + 1 == end_ky;
    next_i = i + select(0u, 1u, last);
    next_ky = select(ky + 1, first_ky, last);`;

/** The dispatch of a convolution that is not depthwise. */
export function convolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile = directTiles(geometry)[0],
  label = `conv2d_${geometry.kernel[0]}x${geometry.kernel[1]}`,
): Dispatch {
  const { input, output, kernel, stride, padding, dilation, groupInputs, groupOutputs, weightTexels } = geometry;
  const { x, weight, channel, spatial, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const [kh] = kernel;
  const flat = isFlat(geometry);
  const [height, width] = flat ? [1, input.pixels] : [input.height, input.width];
  const [outHeight, outWidth] = flat ? [1, output.pixels] : [output.height, output.width];
  const outTiles = Math.ceil(output.blocks / tile.outputs);
  const tiles = Math.ceil(outWidth / tile.columns);
  const lanes = Math.min(4, input.channels);
  const scales = { channel: channel !== undefined, spatial: spatial !== undefined };
  return dispatch({
    label,
    // "filter" is a reserved word of WGSL.
    reads: { x, weight, channel, spatial, filters: filter, bias, residual },
    writes: { y },
    uniforms: {
      in_blocks: input.blocks,
      height,
      width,
      out_blocks: output.blocks,
      out_height: outHeight,
      out_width: outWidth,
      out_tiles: outTiles,
      tiles,
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      weight_stride: perSampleWeights ? weightTexels : 0,
      first_sample: samples[0],
      kernel_y: kh,
      stride_y: stride[0],
      padding_y: padding[0],
      padding_x: padding[1],
      dilation_y: dilation[0],
    },
    invocations: tiles * outHeight * outTiles * (samples[1] - samples[0]),
    workgroupSize: tile.lanes ?? FEW_LANES,
    body: convolutionBody(geometry, tile, lanes, scales, operands),
  });
}

function convolutionBody(
  { kernel: [kh, kw], stride: [, sx], padding: [, px], dilation: [, dx] }: ConvolutionGeometry,
  { columns, outputs }: Tile,
  lanes: number,
  scales: { channel: boolean; spatial: boolean },
  epilogue: Epilogue,
): string {
  const tile = Array.from({ length: columns }, (_, t) => t);
  const blocks = Array.from({ length: outputs }, (_, o) => o);
  const scaled = scales.channel || scales.spatial;
  const line = (lines: string[]) => lines.join("\n");

  const tap = (k: number) => {
    const scale = (l: number) => (scales.channel ? ` * scale.${"xyzw"[l]}` : "") + (scales.spatial ? ` * tap${k}` : "");
    const weights: string[] = [];
    for (let l = 0; l < lanes; l++) {
      for (const o of blocks) {
        weights.push(
          `      let w${l}_${o} = weight(w + ${o}u + ${k * 4 + l}u * u.group_outputs)${scaled ? scale(l) : ""};`,
        );
      }
    }
    const sums = tile.flatMap((t) =>
      blocks.map((o) =>
        `      ` +
        Array.from({ length: lanes }, (_, l) => `a${t}_${o} += x${t * sx + k * dx}.${"xyzw"[l]} * w${l}_${o};`).join(
          " ",
        )
      )
    );
    return line(["    {", ...weights, ...sums, "    }"]);
  };
  const taps = Array.from({ length: kw }, (_, k) => k);

  // The window's rows are a loop, so a row's spatial attentions are selected from registers loaded once.
  const at = (ky: number, k: number) => {
    const index = ky * kw + k;
    return `spatial(s * ${Math.ceil(kh * kw / 4)}u + ${index >> 2}u).${"xyzw"[index & 3]}`;
  };
  const rows = Array.from({ length: kh }, (_, ky) => ky);
  const loadSpatial = scales.spatial
    ? line(rows.flatMap((ky) => taps.map((k) => `  let spatial${ky}_${k} = ${at(ky, k)};`)))
    : "";
  const selectSpatial = scales.spatial
    ? line(
      taps.map((k) =>
        `    let tap${k} = ${
          rows.slice(1).reduce((rest, ky) => `select(${rest}, spatial${ky}_${k}, ky == ${ky})`, `spatial0_${k}`)
        };`
      ),
    )
    : "";

  const row = line([
    `    let row = i32((s * u.in_blocks + c) * u.height * u.width) + (top + ky * i32(u.dilation_y)) * i32(u.width) + left;`,
    `    let w = w_base + (i * u.kernel_y + u32(ky)) * ${kw * 4}u * u.group_outputs;`,
    selectSpatial,
    loadHalo(haloColumns(columns, kw, sx, dx), px > 0),
    ...taps.map(tap),
  ]);
  return `
  let column = (id % u.tiles) * ${columns}u;
  let row_out = (id / u.tiles) % u.out_height;
  let plane = id / (u.tiles * u.out_height);
  let o = (plane % u.out_tiles) * ${outputs}u;
  let sample = plane / u.out_tiles;
  let s = sample + u.first_sample;
  let group = o / u.group_outputs;
  let left = i32(column) * ${sx} - i32(u.padding_x);
  let w_base = sample * u.weight_stride + group * u.group_inputs * u.kernel_y * ${kw * 4}u * u.group_outputs
    + o % u.group_outputs;
${WINDOW_ROWS}
${loadSpatial}
${line(tile.flatMap((t) => blocks.map((o) => `  var a${t}_${o} = vec4f();`)))}
${kh === 1 ? EACH_INPUT : EACH_INPUT_ROW}
    let c = group * u.group_inputs + i;
${scales.channel ? "    let scale = channel(s * u.in_blocks + c);" : ""}
${row}
  }
${
    line(blocks.map((o) =>
      `  if (o + ${o}u < u.out_blocks) {
${
        loadEpilogue(epilogue, `o + ${o}u`, "_v")
      }    let first = ((s * u.out_blocks + o + ${o}u) * u.out_height + row_out) * u.out_width + column;
${
        line(tile.map((t) =>
          `    if (column + ${t}u < u.out_width) { let at = first + ${t}u; ${store(epilogue, `a${t}_${o}`, "_v")} }`
        ))
      }
  }`
    ))
  }`;
}
