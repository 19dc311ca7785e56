/**
 * The shapes of a 3x3 convolution of stride 1 in tiles of Winograd's F(m, 3). ../winograd computes it.
 *
 * @module
 */

import { TEXEL_BYTES } from "../../../plan/layout.ts";
import { mostBytes } from "../../../plan/limits.ts";
import type { Capabilities } from "../../../plan/plan.ts";
import type { WinogradSize } from "../../../plan/variant.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./geometry.ts";

/** All tile sizes. */
export const WINOGRAD_SIZES: readonly WinogradSize[] = [4, 2];

/** The tiles of a convolution. */
export interface WinogradGeometry {
  readonly geometry: ConvolutionGeometry;
  /** The tile size m: outputs per side of a tile. */
  readonly size: WinogradSize;
  /** Numbers of a transformed tile: (m + 2)² */
  readonly positions: number;
  /** Tiles of a row. */
  readonly tileColumns: number;
  /** Tiles of a sample. */
  readonly tiles: number;
  /** Texels of one transformed kernel. */
  readonly kernelTexels: number;
}

/** Whether F(m, 3) can compute a convolution. */
export function isWinograd({ kernel, stride, dilation, groups, depthwise }: ConvolutionGeometry): boolean {
  return [kernel, stride, dilation].join() === "3,3,1,1,1,1" && groups === 1 && !depthwise;
}

/** Returns the tiles of F(m, 3) for a convolution for which {@link isWinograd} is true. */
export function winogradGeometry(geometry: ConvolutionGeometry, size: WinogradSize): WinogradGeometry {
  const { output, groupInputs, groupOutputs } = geometry;
  const tileColumns = Math.ceil(output.width / size);
  const positions = (size + 2) ** 2;
  return {
    geometry,
    size,
    positions,
    tileColumns,
    tiles: tileColumns * Math.ceil(output.height / size),
    kernelTexels: positions * groupInputs * 4 * groupOutputs,
  };
}

/** Returns the geometry of the matrix products of that many samples, as a convolution. */
export function winogradProduct(
  { geometry: { input, output }, positions, tiles }: WinogradGeometry,
  perSampleWeights: boolean,
  count: number = output.batch,
): ConvolutionGeometry {
  const [sets, width] = perSampleWeights ? [count, tiles] : [1, count * tiles];
  const image = (channels: number) => [sets * positions, channels, 1, width];
  const window = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
  return convolutionGeometry(
    image(input.channels),
    [output.channels, input.channels, 1, 1],
    image(output.channels),
    window,
  );
}

/** Returns the texels of the largest tensor that one sample needs. */
export function sampleTexels(
  { geometry: { input, output }, positions, tiles, kernelTexels }: WinogradGeometry,
  perSampleWeights: boolean,
): number {
  return Math.max(positions * tiles * Math.max(input.blocks, output.blocks), perSampleWeights ? kernelTexels : 0);
}

/** Whether a device can bind the transformed kernel and the largest tensor of one sample. */
export function fitsWinograd(winograd: WinogradGeometry, capabilities: Capabilities): boolean {
  return sampleTexels(winograd, true) * TEXEL_BYTES <= mostBytes(capabilities);
}
