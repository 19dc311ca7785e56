/**
 * The common part of the gradients to a convolution's weight and to its attentions (src/graph/ops/convolution_grad.ts):
 *
 *     R[o,i,t] = sum over pixels p of gradient[o,p] x[i,q(p,t)]
 *
 * R is computed for one sample and a register tile: blocks of output channels, blocks of input channels and the taps of
 * one row of the window. R is never stored. The kernels that use it scale and sum it first.
 *
 * @module
 */

import { haloColumns } from "../../wgsl/halo.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import { type ConvolutionGeometry, isFlat } from "../geometry/geometry.ts";

/** The part of R that an invocation computes at a time. */
export interface CorrelationTile {
  /** Blocks of output channels. */
  readonly outputs: number;
  /** Blocks of input channels. */
  readonly inputs: number;
  /** Adjacent pixels of a row that are loaded together. */
  readonly columns: number;
}

/** One accumulator of a tile: a vec4f. */
export interface Accumulator {
  /** Its WGSL name. */
  readonly name: string;
  readonly output: number;
  readonly input: number;
  /** The channel of the block on the side that the vec4f does not cover. Undefined if the convolution is depthwise. */
  readonly lane?: number;
  readonly tap: number;
}

/** Most accumulators of a tile, and most unrolled loads of a row. */
const MOST_ACCUMULATORS = 64;
const MOST_LOADED = 40;

/**
 * Most pixels of a sample that are summed in one chain. More pixels are summed in runs of RUN pixels, a multiple of
 * every tile's columns.
 */
const LONG = 1024;
const RUN = 256;

function rowExtents(geometry: ConvolutionGeometry): { width: number; outWidth: number; height: number; rows: number } {
  const { input, output } = geometry;
  return isFlat(geometry)
    ? { width: input.pixels, outWidth: output.pixels, height: 1, rows: 1 }
    : { width: input.width, outWidth: output.width, height: input.height, rows: output.height };
}

/** Returns the largest tile that suits registers and compilers. `small` asks for fewer registers. */
export function correlationTile(geometry: ConvolutionGeometry, small: boolean): CorrelationTile {
  const { kernel: [, kw], stride: [, sx], dilation: [, dx], depthwise, groupInputs, groupOutputs } = geometry;
  const fits = ([outputs, inputs]: readonly number[]) =>
    outputs * inputs * 4 * kw <= MOST_ACCUMULATORS && outputs <= groupOutputs && groupInputs % inputs === 0;
  const shapes = depthwise || small ? [] : [[4, 4], [4, 2], [2, 2], [2, 1]];
  const [outputs, inputs] = shapes.find(fits) ?? [1, 1];
  const columns = [4, 2].find((c) =>
    c <= rowExtents(geometry).outWidth && outputs * c + inputs * haloColumns(c, kw, sx, dx).length <= MOST_LOADED
  );
  return { outputs, inputs, columns: columns ?? 1 };
}

/** Returns the accumulators of a tile. `lanes` is the number of channels of a block that need a multiplication. */
export function accumulators(
  { kernel: [, kw], depthwise }: ConvolutionGeometry,
  { outputs, inputs }: CorrelationTile,
  lanes = 4,
): Accumulator[] {
  return range(outputs).flatMap((output) =>
    range(inputs).flatMap((input) =>
      (depthwise ? [undefined] : range(lanes)).flatMap((lane) =>
        range(kw).map((tap) => ({ name: `r${output}_${input}_${lane ?? "all"}_${tap}`, output, input, lane, tap }))
      )
    )
  );
}

/** Returns the uniforms that {@link correlate} reads. */
export function correlationUniforms(geometry: ConvolutionGeometry): Record<string, number> {
  const { input, output, stride, padding, dilation, kernel } = geometry;
  const { width, outWidth, height, rows } = rowExtents(geometry);
  return {
    in_blocks: input.blocks,
    height,
    width,
    out_blocks: output.blocks,
    out_height: rows,
    out_width: outWidth,
    kernel_y: kernel[0],
    stride_y: stride[0],
    padding_y: padding[0],
    padding_x: padding[1],
    dilation_y: dilation[0],
  };
}

/** WGSL of the output rows [first_row, end_row) whose input row, for the window's row `ky`, is inside the image. */
export const CORRELATION_ROWS = wgsl`
  let above = i32(ky * u.dilation_y) - i32(u.padding_y);
  let first_row = u32(max(0, -above) + i32(u.stride_y) - 1) / u.stride_y;
  let end_row = min(u.out_height, u32(max(0, i32(u.height) - above) + i32(u.stride_y) - 1) / u.stride_y);`;

/**
 * Returns WGSL that adds sample `s`'s R to the accumulators. The blocks begin at `out_block` of the gradient and at
 * `in_block` of x. The vec4f of an accumulator holds channels of `vector`.
 */
export function correlate(
  geometry: ConvolutionGeometry,
  { outputs, inputs, columns }: CorrelationTile,
  sums: readonly Accumulator[],
  vector: "outputs" | "inputs",
): string {
  const { kernel: [, kw], stride: [, sx], padding: [, px], dilation: [, dx] } = geometry;
  const halo = haloColumns(columns, kw, sx, dx);
  const gradients = range(outputs).flatMap((o) =>
    range(columns).map((t) => {
      const load = `gradient(g_row + ${o}u * u.out_height * u.out_width + ${t}u)`;
      return `let g${o}_${t} = ${t === 0 ? load : `select(vec4f(), ${load}, column + ${t}u < u.out_width)`};`;
    })
  );
  const images = range(inputs).flatMap((i) =>
    halo.map((j) => {
      const load = `x(u32(x_row + ${i} * i32(u.height * u.width) + ${j}))`;
      const inside = `u32(left + ${j}) < u.width`;
      return `let x${i}_${j} = ${px > 0 ? `select(vec4f(), ${load}, ${inside})` : load};`;
    })
  );
  // In large maps, runs of pixels are summed separately. Short chains of additions have small rounding errors.
  const { outWidth, rows } = rowExtents(geometry);
  const inRuns = outWidth * rows > LONG;
  const products = sums.map(({ name, output, input, lane, tap }) =>
    `${inRuns ? "run_" : ""}${name} += ` + range(columns).map((t) => {
      const [g, x] = [`g${output}_${t}`, `x${input}_${t * sx + tap * dx}`];
      if (lane === undefined) return `${g} * ${x}`;
      return vector === "outputs" ? `${g} * ${x}[${lane}]` : `${x} * ${g}[${lane}]`;
    }).join(" + ") + ";"
  );
  return wgsl`
    for (var row = first_row; row < end_row; row++) {
      let x_start = i32((s * u.in_blocks + in_block) * u.height * u.width)
        + (i32(row * u.stride_y) + above) * i32(u.width) - i32(u.padding_x);
      let g_start = ((s * u.out_blocks + out_block) * u.out_height + row) * u.out_width;
      ${
    inRuns
      ? wgsl`
        for (var run = 0u; run < u.out_width; run += ${RUN}u) {
          ${sums.map(({ name }) => `var run_${name} = vec4f();`)}
          for (var column = run; column < min(u.out_width, run + ${RUN}u); column += ${columns}u) {`
      : `for (var column = 0u; column < u.out_width; column += ${columns}u) {`
  }
      let g_row = g_start + column;
      let x_row = x_start + i32(column) * ${sx};
      let left = i32(column) * ${sx} - i32(u.padding_x);
      ${[...gradients, ...images, ...products]}
    }
    ${inRuns && [sums.map(({ name }) => `${name} += run_${name};`), "}"]}
    }`;
}
