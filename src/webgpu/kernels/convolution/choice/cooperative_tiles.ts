/**
 * The tiles of convolutions whose invocations share loaded data.
 *
 * @module
 */

import { TEXEL_BYTES } from "../../../plan/layout.ts";
import type { Capabilities } from "../../../plan/plan.ts";
import type { Tile } from "../../../plan/variant.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";

/** Lanes along the pixels. Half a wave of the narrowest hardware loads whole cache lines. */
export const PIXEL_LANES = 16;

/**
 * What an invocation computes: pixels by blocks of four channels. With workgroup memory there are as many rows of lanes
 * as pixels. With subgroups, all lanes have the same blocks.
 */
const TILES = { workgroup: [[4, 4], [8, 2], [4, 2], [4, 1]], subgroups: [[4, 4], [2, 4], [4, 2], [2, 1]] } as const;

/** Invocations of a workgroup that uses subgroups. */
const SUBGROUP_LANES = 64;

/** Most blocks of input channels that are loaded between two barriers. */
const MOST_DEPTH = 4;

/** The part of a matrix product that a workgroup computes. */
export interface CooperativeTile {
  /** Pixels. */
  readonly pixels: number;
  /** Blocks of output channels. */
  readonly blocks: number;
  /** Blocks of input channels per step. */
  readonly depth: number;
  /** Invocations. */
  readonly lanes: number;
  /** Bytes of workgroup memory. */
  readonly bytes: number;
}

/** Returns the extents of a workgroup with that tile. */
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

/** Returns the tiles that fit a workgroup. */
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
