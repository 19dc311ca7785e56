/**
 * The gradient to the input of a strided convolution, with register tiles. An invocation computes adjacent pixels of
 * one row. The pairs of columns and window taps that meet are known when the WGSL is written. Rows are ordered by their
 * remainder modulo the stride, so adjacent invocations use the same taps.
 *
 * @module
 */

import type { WindowAttributes } from "../../../../graph/ops/shared.ts";
import { type Dispatch, dispatch } from "../../../plan/kernel.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { addWeighted, weightLanes, type WeightLayout, weightUniforms } from "../weights/weight_layout.ts";

/** Columns of a tile for every remainder modulo the stride. */
const COLUMNS_EACH = 4;

/**
 * One multiplication of a tile's row. Column `column` of dx gets texel `texel` of the gradient's row times tap `tap`.
 */
interface Meeting {
  readonly column: number;
  readonly texel: number;
  readonly tap: number;
}

function meetings(columns: number, kw: number, stride: number, padding: number, dilation: number): Meeting[] {
  const found: Meeting[] = [];
  for (let column = 0; column < columns; column++) {
    for (let tap = 0; tap < kw; tap++) {
      const reach = column + padding - tap * dilation;
      // Tiles begin at a multiple of the stride, so this holds for every tile.
      if (reach % stride === 0) found.push({ column, texel: reach / stride, tap });
    }
  }
  return found;
}

/**
 * Returns the dispatch for a forward convolution with those attributes. `geometry` and the weights' layout are the
 * transposed ones. `x` is the gradient. This kernel does not support attentions and the epilogue.
 */
export function stridedInputGrad(
  geometry: ConvolutionGeometry,
  { stride, padding, dilation }: WindowAttributes,
  { x, weight, layout, y, perSampleWeights, samples }: ConvolutionOperands,
): Dispatch {
  const { input, output, kernel: [kh, kw], depthwise, groupInputs, groupOutputs } = geometry;
  const columns = stride[1] * Math.min(COLUMNS_EACH, Math.ceil(output.width / stride[1]));
  const outputs = !depthwise && groupOutputs % 2 === 0 ? 2 : 1;
  const tiles = Math.ceil(output.width / columns);
  const phaseRows = Math.ceil(output.height / stride[0]);
  const outTiles = output.blocks / outputs;
  return dispatch({
    label: depthwise ? `depthwise_${kh}x${kw}_input_grad` : `conv2d_${kh}x${kw}_input_grad`,
    reads: { x, weight },
    writes: { y },
    uniforms: {
      in_blocks: input.blocks,
      height: input.height,
      width: input.width,
      out_blocks: output.blocks,
      out_height: output.height,
      out_width: output.width,
      out_tiles: outTiles,
      tiles,
      phase_rows: phaseRows,
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      ...weightUniforms(layout, geometry, perSampleWeights),
      first_sample: samples[0],
      kernel_y: kh,
      stride_y: stride[0],
      padding_y: padding[0],
      dilation_y: dilation[0],
    },
    invocations: tiles * phaseRows * stride[0] * outTiles * (samples[1] - samples[0]),
    workgroupSize: 8,
    body: body(meetings(columns, kw, stride[1], padding[1], dilation[1]), {
      columns,
      outputs,
      kw,
      stride: stride[1],
      layout: depthwise ? undefined : layout,
      inputs: input.channels,
    }),
  });
}

function body(
  met: readonly Meeting[],
  { columns, outputs, kw, stride, layout, inputs }: {
    columns: number;
    outputs: number;
    kw: number;
    stride: number;
    /** Undefined if the convolution is depthwise. */
    layout?: WeightLayout;
    /** Input channels. */
    inputs: number;
  },
): string {
  const texels = [...new Set(met.map(({ texel }) => texel))].sort((a, b) => a - b);
  const name = (texel: number) => `x${texels.indexOf(texel)}`;
  const loads = texels.map((texel) =>
    `let ${name(texel)} = select(vec4f(), x(u32(row + ${texel})), u32(left + ${texel}) < u.width);`
  );
  const tap = (k: number) => {
    const lanes = layout ? weightLanes(layout, inputs) : [0];
    const weights = lanes.flatMap((l) =>
      range(outputs).map((o) =>
        `let w${l}_${o} = weight(w + ${layout ? `${o}u * u.w_output + ${l}u * u.w_lane + ` : ""}${k}u);`
      )
    );
    const sums = met.filter((m) => m.tap === k).flatMap(({ column, texel }) =>
      range(outputs).map((o) => {
        const sum = `a${column}_${o}`;
        return "      " + (layout
          ? addWeighted(layout, sum, name(texel), lanes.map((l) => `w${l}_${o}`), inputs)
          : `${sum} += ${name(texel)} * w0_0;`);
      })
    );
    return sums.length === 0 ? "" : ["{", ...weights, ...sums, "}"];
  };
  return wgsl`
    let first = (id % u.tiles) * ${columns}u;
    let row_id = (id / u.tiles) % (u.phase_rows * u.stride_y);
    let row_out = (row_id % u.phase_rows) * u.stride_y + row_id / u.phase_rows;
    if (row_out >= u.out_height) { return; }
    let plane = id / (u.tiles * u.phase_rows * u.stride_y);
    let o = (plane % u.out_tiles) * ${outputs}u;
    let sample = plane / u.out_tiles;
    let s = sample + u.first_sample;
    let group = o / u.group_outputs;
    let left = i32(first / ${stride}u);
    ${range(columns).flatMap((t) => range(outputs).map((o) => `var a${t}_${o} = vec4f();`))}
    for (var ky = 0u; ky < u.kernel_y; ky++) {
      let reach = i32(row_out + u.padding_y) - i32(ky * u.dilation_y);
      let row_in = reach / i32(u.stride_y);
      if (reach < 0 || reach % i32(u.stride_y) != 0 || row_in >= i32(u.height)) { continue; }
      for (var i = 0u; i < u.group_inputs; i++) {
        let c = group * u.group_inputs + i;
        let row = (i32(s * u.in_blocks + c) * i32(u.height) + row_in) * i32(u.width) + left;
        let w = sample * u.w_sample + ${
    layout ? "group * u.w_group + o % u.group_outputs * u.w_output + i * u.w_input" : "o * u.w_output"
  } + ky * ${kw}u;
        ${loads}
        ${range(kw).map(tap)}
      }
    }
    ${
    range(columns).flatMap((t) =>
      range(outputs).map((o) =>
        `if (first + ${t}u < u.out_width) { y[((s * u.out_blocks + o + ${o}u) * u.out_height + row_out) * u.out_width + first + ${t}u] = a${t}_${o}; }`
      )
    )
  }`;
}
