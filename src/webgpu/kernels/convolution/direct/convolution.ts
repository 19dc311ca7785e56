/**
 * Convolution with register tiles. An invocation computes `columns` by `rows` adjacent pixels for `outputs` blocks of
 * output channels. For each row of the window, it reads each input texel of its halo once. It uses no workgroup memory
 * and no barriers: on software adapters both cost more than they save. Operands come from storage textures if those are
 * faster (see PlanContext.operand).
 *
 * A 1x1 convolution of stride 1 treats the whole image as one row. It is a matrix product.
 *
 * Attentions are applied on load. The channel attention scales pixels. Spatial and kernel attentions scale weights, of
 * which n are mixed in registers. That costs n loads per weight and saves the memory of mixed kernels.
 *
 * @module
 */

import { type Dispatch, dispatch } from "../../../plan/kernel.ts";
import type { Tile } from "../../../plan/variant.ts";
import { directTiles, FEW_LANES } from "../choice/convolution_tiles.ts";
import { type ConvolutionGeometry, isFlat } from "../geometry/geometry.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { weightUniforms } from "../weights/weight_layout.ts";
import { convolutionBody } from "./convolution_body.ts";
import { orderOf } from "./dispatch_order.ts";

/** Returns the dispatch of a convolution that is not depthwise. */
export function convolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile = directTiles(geometry)[0],
  label = `conv2d_${geometry.kernel[0]}x${geometry.kernel[1]}`,
): Dispatch {
  const { input, output, kernel, stride, padding, dilation, groupInputs, groupOutputs } = geometry;
  const { x, weight, channel, spatial, kernel: mix, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const flat = isFlat(geometry);
  const [height, width] = flat ? [1, input.pixels] : [input.height, input.width];
  const [outHeight, outWidth] = flat ? [1, output.pixels] : [output.height, output.width];
  const outTiles = Math.ceil(output.blocks / tile.outputs);
  const tiles = Math.ceil(outWidth / tile.columns);
  const rowTiles = Math.ceil(outHeight / (tile.rows ?? 1));
  const { lanes = FEW_LANES } = tile;
  const order = orderOf(geometry, operands, { pixelTiles: tiles * rowTiles, outTiles, lanes });
  const count = samples[1] - samples[0];
  const places = tiles * rowTiles * count;
  return dispatch({
    label,
    // "filter" is a reserved word of WGSL.
    reads: { x, weight, channel, spatial, kernel: mix, filters: filter, bias, residual },
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
      row_tiles: rowTiles,
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      ...weightUniforms(operands.layout, geometry, perSampleWeights),
      samples: count,
      first_sample: samples[0],
      kernel_y: kernel[0],
      stride_y: stride[0],
      padding_y: padding[0],
      padding_x: padding[1],
      dilation_y: dilation[0],
    },
    invocations: outTiles * (order === "outputs first" ? Math.ceil(places / lanes) * lanes : places),
    workgroupSize: lanes,
    body: convolutionBody({
      geometry,
      operands,
      tile: { ...tile, rows: tile.rows ?? 1, lanes },
      order,
      whole: tiles === 1 ? { width, outWidth } : undefined,
    }),
  });
}
