/**
 * The tiles of convolutions through workgroup memory, as data.
 *
 * @module
 */

import type { Capabilities } from "../plan.ts";
import { TEXEL_BYTES } from "../layout.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import type { Tile } from "./convolution_tiles.ts";

/** Lanes side by side along pixels: half of a wave of the narrowest hardware loads whole cache lines. */
export const PIXEL_LANES = 16;

/** What an invocation computes, pixels by blocks of four channels; there are as many rows of lanes as pixels. */
const TILES = [[4, 4], [8, 2], [4, 2], [4, 1]] as const;

/** Most blocks of input channels that are loaded between two barriers. */
const MOST_DEPTH = 4;

/** A workgroup's part of a matrix product. */
export interface WorkgroupTile {
  /** Pixels, and invocations: each loads one pixel of every block of input channels. */
  readonly pixels: number;
  /** Blocks of output channels. */
  readonly blocks: number;
  /** Blocks of input channels at a time. */
  readonly depth: number;
  /** Bytes of workgroup memory. */
  readonly bytes: number;
}

/** The extents of a workgroup of such tiles. */
export function workgroupTile({ groupInputs }: ConvolutionGeometry, { columns, outputs }: Tile): WorkgroupTile {
  const pixels = PIXEL_LANES * columns;
  const blocks = columns * outputs;
  const depth = Math.min(MOST_DEPTH, groupInputs);
  return { pixels, blocks, depth, bytes: depth * (pixels + 4 * blocks) * TEXEL_BYTES };
}

/** The tiles that fit a workgroup, that which should waste least first. */
export function sharedTiles(geometry: ConvolutionGeometry, limits: Capabilities["workgroup"]): Tile[] {
  const tiles = TILES.map(([columns, outputs]): Tile => ({ columns, outputs, shared: true }));
  const waste = (tile: Tile) => {
    const { pixels, blocks } = workgroupTile(geometry, tile);
    const steps = Math.ceil(geometry.output.pixels / pixels) * Math.ceil(geometry.groupOutputs / blocks);
    // What a step multiplies, and what it loads.
    return steps * (pixels * blocks + 16 * (pixels + 4 * blocks));
  };
  return tiles.filter((tile) => {
    const { pixels, bytes } = workgroupTile(geometry, tile);
    return pixels <= limits.invocations && bytes <= limits.bytes;
  }).sort((a, b) => waste(a) - waste(b));
}
