/**
 * The tiles of convolutions whose invocations share what they load, as data.
 *
 * @module
 */

import { TEXEL_BYTES } from "../../../plan/layout.ts";
import type { Capabilities } from "../../../plan/plan.ts";
import type { Tile } from "../../../plan/variant.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";

/** Lanes side by side along pixels: half of a wave of the narrowest hardware loads whole cache lines. */
export const PIXEL_LANES = 16;

/**
 * What an invocation computes, pixels by blocks of four channels. Through workgroup memory there are as many rows of lanes
 * as pixels; by subgroups, all lanes have the same blocks.
 */
const TILES = { workgroup: [[4, 4], [8, 2], [4, 2], [4, 1]], subgroups: [[4, 4], [2, 4], [4, 2], [2, 1]] } as const;

/** Invocations of a workgroup that shares by subgroups. */
const SUBGROUP_LANES = 64;

/** Most blocks of input channels that are loaded between two barriers. */
const MOST_DEPTH = 4;

/** A workgroup's part of a matrix product. */
export interface CooperativeTile {
  /** Pixels. */
  readonly pixels: number;
  /** Blocks of output channels. */
  readonly blocks: number;
  /** Blocks of input channels at a time. */
  readonly depth: number;
  /** Invocations. */
  readonly lanes: number;
  /** Bytes of workgroup memory. */
  readonly bytes: number;
}

/** The extents of a workgroup of such tiles. */
export function cooperativeTile(
  { groupInputs }: ConvolutionGeometry,
  { columns, outputs, shared }: Tile,
): CooperativeTile {
  if (shared === "subgroups") {
    return { pixels: SUBGROUP_LANES * columns, blocks: outputs, depth: 1, lanes: SUBGROUP_LANES, bytes: 0 };
  }
  // Each invocation loads one pixel of every block of input channels.
  const pixels = PIXEL_LANES * columns;
  const blocks = columns * outputs;
  const depth = Math.min(MOST_DEPTH, groupInputs);
  return { pixels, blocks, depth, lanes: pixels, bytes: depth * (pixels + 4 * blocks) * TEXEL_BYTES };
}

/** The tiles that fit a workgroup. */
export function sharedTiles(
  geometry: ConvolutionGeometry,
  { workgroup: limits, subgroups }: Pick<Capabilities, "workgroup" | "subgroups">,
): Tile[] {
  const tiles = (shared: keyof typeof TILES, team?: number) =>
    TILES[shared].map(([columns, outputs]): Tile => ({ columns, outputs, shared, team })).filter((tile) => {
      const { lanes, bytes } = cooperativeTile(geometry, tile);
      return lanes <= limits.invocations && bytes <= limits.bytes;
    });
  return [...tiles("workgroup"), ...(subgroups ? tiles("subgroups", subgroups) : [])];
}
