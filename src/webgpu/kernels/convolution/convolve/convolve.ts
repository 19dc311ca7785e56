import type { Dispatch } from "../../../plan/kernel.ts";
import type { Tile } from "../../../plan/variant.ts";
import { cooperativeConvolution } from "../cooperative/cooperative_convolution.ts";
import { convolution } from "../direct/convolution.ts";
import { depthwiseConvolution } from "../direct/depthwise.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";

/** Returns the dispatch of a convolution. The tile decides which kernel is used. */
export function convolve(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile,
  label = `conv2d_${geometry.kernel[0]}x${geometry.kernel[1]}`,
): Dispatch {
  if (geometry.depthwise) return depthwiseConvolution(geometry, operands, tile);
  return (tile.shared ? cooperativeConvolution : convolution)(geometry, operands, tile, label);
}
