import { type Dispatch, dispatch } from "../kernel.ts";
import { type ConvolutionOperands, loadEpilogue, loadHalo, store, windowRows } from "./convolution.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import { directTiles, FEW_LANES, haloColumns, type Tile } from "./convolution_tiles.ts";
import { tapPlace } from "./weight_layout.ts";

/** Depthwise convolution: an invocation computes neighbouring pixels of one row for four channels. */
export function depthwiseConvolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  { columns, lanes = FEW_LANES }: Tile = directTiles(geometry)[0],
): Dispatch {
  const { input, output, kernel, stride, padding, dilation } = geometry;
  const { x, weight, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const tiles = Math.ceil(output.width / columns);
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
      w_sample: perSampleWeights ? operands.layout.texels : 0,
      first_sample: samples[0],
      kernel_y: kernel[0],
      stride_y: stride[0],
      padding_y: padding[0],
      padding_x: padding[1],
      dilation_y: dilation[0],
    },
    invocations: tiles * output.height * output.blocks * (samples[1] - samples[0]),
    workgroupSize: lanes,
    body: depthwiseBody(geometry, columns, operands),
  });
}

function depthwiseBody(
  { kernel: [kh, kw], stride: [, sx], padding: [, px], dilation: [, dx] }: ConvolutionGeometry,
  columns: number,
  operands: ConvolutionOperands,
): string {
  const tile = Array.from({ length: columns }, (_, t) => t);
  const taps = Array.from({ length: kw }, (_, k) => k);
  return `
  let column = (id % u.tiles) * ${columns}u;
  let row_out = (id / u.tiles) % u.out_height;
  let plane = id / (u.tiles * u.out_height);
  let o = plane % u.out_blocks;
  let sample = plane / u.out_blocks;
  let s = sample + u.first_sample;
  let left = i32(column) * ${sx} - i32(u.padding_x);
  let w_base = sample * u.w_sample + o * u.kernel_y * ${kw}u;
${windowRows()}
${tile.map((t) => `  var a${t} = vec4f();`).join("\n")}
  for (var ky = first_ky; ky < end_ky; ky++) {
    let row = i32((s * u.out_blocks + o) * u.height * u.width) + (top + ky * i32(u.dilation_y)) * i32(u.width) + left;
${
    taps.map((k) =>
      `    let w${k} = weight(w_base + ${tapPlace(operands.layout, `(u32(ky) * ${kw}u + ${k}u)`, kh * kw)});`
    ).join("\n")
  }
${loadHalo(haloColumns(columns, kw, sx, dx), px > 0)}
${tile.map((t) => "    " + taps.map((k) => `a${t} += x${t * sx + k * dx} * w${k};`).join(" ")).join("\n")}
  }
${
    loadEpilogue(operands, "o", "_v")
  }  let first = ((s * u.out_blocks + o) * u.out_height + row_out) * u.out_width + column;
${
    tile.map((t) => `  if (column + ${t}u < u.out_width) { let at = first + ${t}u; ${store(operands, `a${t}`, "_v")} }`)
      .join("\n")
  }`;
}
