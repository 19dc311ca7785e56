/**
 * The order of a convolution's invocations. Adjacent invocations share the operand that does not fit a cache.
 *
 * @module
 */

import { TEXEL_BYTES } from "../../../plan/layout.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";

/** An operand of at most this many bytes stays in a core's cache while the other operand is read. */
const CACHED = 2 ** 19;

/**
 * The order of invocations. "pixels first": adjacent invocations have the same output channels and other pixels, so all
 * pixels are read again for every tile of channels. "outputs first": adjacent invocations have the same pixels, so all
 * weights are read again for every few tiles of pixels.
 */
export type Order = "pixels first" | "outputs first";

/** Returns the order that repeats fewer reads. */
export function orderOf(
  { input, weightTexels }: ConvolutionGeometry,
  { samples, perSampleWeights, kernels = 1 }: ConvolutionOperands,
  { pixelTiles, outTiles, lanes }: { readonly pixelTiles: number; readonly outTiles: number; readonly lanes: number },
): Order {
  const count = samples[1] - samples[0];
  const again = (texels: number, times: number) => texels * TEXEL_BYTES <= CACHED ? 0 : texels * times;
  const pixels = again(input.texels / input.batch * (perSampleWeights ? 1 : count), outTiles);
  const groups = Math.ceil(pixelTiles * (perSampleWeights ? 1 : count) / lanes);
  return again(weightTexels * kernels, groups) < pixels ? "outputs first" : "pixels first";
}

/** Returns WGSL that computes an invocation's tile of pixels, tile of output channels and sample. */
export function numberTiles(order: Order, perSampleWeights: boolean, lanes: number): string {
  const pixelTiles = "(u.tiles * u.row_tiles)";
  if (order === "outputs first") {
    return wgsl`
      let plane = id / ${lanes}u;
      let place = plane / u.out_tiles * ${lanes}u + id % ${lanes}u;
      let out_tile = plane % u.out_tiles;
      let tile = place % ${pixelTiles};
      let sample = place / ${pixelTiles};
      if (sample >= u.samples) { return; }`;
  }
  const [fast, slow] = perSampleWeights ? ["out_tile", "sample"] : ["sample", "out_tile"];
  const extent = perSampleWeights ? "u.out_tiles" : "u.samples";
  return wgsl`
    let tile = id % ${pixelTiles};
    let plane = id / ${pixelTiles};
    let ${fast} = plane % ${extent};
    let ${slow} = plane / ${extent};`;
}
