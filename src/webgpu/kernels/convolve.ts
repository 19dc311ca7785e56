import type { Dispatch } from "../kernel.ts";
import { convolution, type ConvolutionOperands } from "./convolution.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import type { Tile } from "./convolution_tiles.ts";
import { cooperativeConvolution } from "./cooperative_convolution.ts";
import { depthwiseConvolution } from "./depthwise.ts";

/** The dispatch of a convolution, by the kernel that such a tile is for. */
export function convolve(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile,
  label = `conv2d_${geometry.kernel[0]}x${geometry.kernel[1]}`,
): Dispatch {
  if (geometry.depthwise) return depthwiseConvolution(geometry, operands, tile);
  return (tile.shared ? cooperativeConvolution : convolution)(geometry, operands, tile, label);
}
