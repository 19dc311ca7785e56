import { type Dispatch, dispatch } from "../../../plan/kernel.ts";
import type { Tile } from "../../../plan/variant.ts";
import { haloColumns } from "../../wgsl/halo.ts";
import { range } from "../../wgsl/range.ts";
import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";
import { directTiles, FEW_LANES } from "../choice/convolution_tiles.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { loadEpilogue, store } from "../operands/epilogue.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { tapPlace } from "../weights/weight_layout.ts";
import { loadHalo, windowRows } from "./window.ts";

/**
 * Depthwise convolution. An invocation computes adjacent pixels for four channels. Tiles of several rows load each
 * input texel once for all rows, without a loop. Tiles of one row support windows of any size.
 */
export function depthwiseConvolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  { columns, rows = 1, lanes = FEW_LANES }: Tile = directTiles(geometry)[0],
): Dispatch {
  const { input, output, kernel, stride, padding, dilation } = geometry;
  const { x, weight, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const tiles = Math.ceil(output.width / columns);
  const rowTiles = Math.ceil(output.height / rows);
  return dispatch({
    label: `depthwise_${kernel[0]}x${kernel[1]}`,
    reads: { x, weight, filters: filter, bias, residual },
    writes: { y },
    uniforms: {
      height: input.height,
      width: input.width,
      out_blocks: output.blocks,
      out_height: output.height,
      out_width: output.width,
      tiles,
      row_tiles: rowTiles,
      w_sample: perSampleWeights ? operands.layout.texels : 0,
      first_sample: samples[0],
      kernel_y: kernel[0],
      stride_y: stride[0],
      padding_y: padding[0],
      padding_x: padding[1],
      dilation_y: dilation[0],
    },
    invocations: tiles * rowTiles * output.blocks * (samples[1] - samples[0]),
    workgroupSize: lanes,
    body: depthwiseBody(geometry, { columns, rows }, operands),
  });
}

function depthwiseBody(
  geometry: ConvolutionGeometry,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  operands: ConvolutionOperands,
): string {
  const { kernel: [kh, kw], stride: [, sx] } = geometry;
  const tile = range(rows).flatMap((r) => range(columns).map((t) => ({ r, t, sum: `a${r}_${t}` })));
  return wgsl`
    let column = (id % u.tiles) * ${columns}u;
    let row_out = (id / u.tiles) % u.row_tiles * ${rows}u;
    let plane = id / (u.tiles * u.row_tiles);
    let o = plane % u.out_blocks;
    let sample = plane / u.out_blocks;
    let s = sample + u.first_sample;
    let left = i32(column) * ${sx} - i32(u.padding_x);
    let plane_in = i32((s * u.out_blocks + o) * u.height * u.width);
    let w_base = sample * u.w_sample + o * ${kh * kw}u;
    ${tile.map(({ sum }) => `var ${sum} = vec4f();`)}
    ${rows === 1 ? eachWindowRow(geometry, columns, operands) : eachInputRow(geometry, columns, rows, operands)}
    ${loadEpilogue(operands, "o")}
    let first = ((s * u.out_blocks + o) * u.out_height + row_out) * u.out_width + column;
    ${
    tile.map(({ r, t, sum }) => {
      const inside = `column + ${t}u < u.out_width${rows === 1 ? "" : ` && row_out + ${r}u < u.out_height`}`;
      return `if (${inside}) { let at = first + ${r}u * u.out_width + ${t}u; ${store(operands, sum)} }`;
    })
  }`;
}

function eachWindowRow(
  { kernel: [kh, kw], stride: [, sx], padding: [, px], dilation: [, dx] }: ConvolutionGeometry,
  columns: number,
  { layout }: ConvolutionOperands,
): string {
  const place = (k: number) => tapPlace(layout, `(u32(ky) * ${kw}u + ${k}u)`, kh * kw);
  const sum = (t: number) => range(kw).map((k) => `a0_${t} += x${t * sx + k * dx} * w${k};`).join(" ");
  return wgsl`
    ${windowRows()}
    for (var ky = first_ky; ky < end_ky; ky++) {
      let row = plane_in + (top + ky * i32(u.dilation_y)) * i32(u.width) + left;
      ${range(kw).map((k) => `let w${k} = weight(w_base + ${place(k)});`)}
      ${loadHalo(haloColumns(columns, kw, sx, dx), px > 0)}
      ${range(columns).map(sum)}
    }`;
}

function eachInputRow(
  { kernel: [kh, kw], stride: [sy, sx], padding: [, px], dilation: [dy, dx] }: ConvolutionGeometry,
  columns: number,
  rows: number,
  { layout }: ConvolutionOperands,
): Wgsl {
  const halo = haloColumns(columns, kw, sx, dx);
  const lines = haloColumns(rows, kh, sy, dy).flatMap((j) => [
    `let inside${j} = u32(top + ${j}) < u.height;`,
    `let row${j} = plane_in + (top + ${j}) * i32(u.width) + left;`,
    ...halo.map((i) => {
      const inside = px > 0 ? `inside${j} && u32(left + ${i}) < u.width` : `inside${j}`;
      return `let x${j}_${i} = select(vec4f(), x(u32(row${j} + ${i})), ${inside});`;
    }),
    ...range(rows).flatMap((r) =>
      range(kh).filter((ky) => r * sy + ky * dy === j).flatMap((ky) =>
        range(columns).map((t) =>
          range(kw).map((k) => `a${r}_${t} += x${j}_${t * sx + k * dx} * w${ky}_${k};`).join(" ")
        )
      )
    ),
  ]);
  const weights = range(kh).flatMap((ky) =>
    range(kw).map((k) => `let w${ky}_${k} = weight(w_base + ${tapPlace(layout, `${ky * kw + k}u`, kh * kw)});`)
  );
  return ["let top = i32(row_out * u.stride_y) - i32(u.padding_y);", weights, lines];
}
