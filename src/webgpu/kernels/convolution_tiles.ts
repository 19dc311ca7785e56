/**
 * The register tiles of direct convolutions, as data.
 *
 * @module
 */

import type { Capabilities } from "../planner.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import { sharedTiles } from "./workgroup_tiles.ts";

/** What an invocation computes. */
export interface Tile {
  /** Neighbouring output pixels of a row. */
  readonly columns: number;
  /** Blocks of four output channels. */
  readonly outputs: number;
  /** Invocations of a workgroup; {@link FEW_LANES} if left out. */
  readonly lanes?: number;
  /** Whether a workgroup's invocations load through memory that they share: ./workgroup_convolution.ts. */
  readonly shared?: boolean;
}

/** Software adapters run the lanes of a workgroup in turns. */
export const FEW_LANES = 8;

/** Hardware runs 32 or 64 lanes at once. */
const MANY_LANES = 64;

/** The tiles that a kind of convolution chooses from: few, for every distinct tile is a pipeline that drivers compile. */
interface TileFamily {
  readonly columns: readonly number[];
  /** Most blocks of output channels. */
  readonly outputs: number;
  /** An invocation's fixed work, in columns. */
  readonly overhead: number;
}

/** Measured on lavapipe; 16 columns by 4 blocks, say, is a third slower than 14 by 4. */
const TILES = {
  pointwise: { columns: [14, 8, 4, 2, 1], outputs: 4, overhead: 4 },
  window: { columns: [8, 7, 4, 2, 1], outputs: 2, overhead: 1.5 },
  depthwise: { columns: [8, 7, 4, 2, 1], outputs: 1, overhead: 1.5 },
} as const satisfies Record<string, TileFamily>;

/** Most columns times taps of a row: wider windows get narrower tiles, lest compilers take seconds. */
const MOST_UNROLLED = 56;

/** Whether the whole image counts as one row: no tap reaches beyond its own pixel. */
export function isFlat({ kernel, stride, padding }: ConvolutionGeometry): boolean {
  return kernel[0] * kernel[1] === 1 && stride[0] * stride[1] === 1 && padding[0] + padding[1] === 0;
}

/** The tiles for a convolution, that which should waste least first; never empty. */
export function directTiles(geometry: ConvolutionGeometry): Tile[] {
  const { kernel, depthwise, groups, groupOutputs, output } = geometry;
  const width = isFlat(geometry) ? output.pixels : output.width;
  const pointwise = kernel[0] * kernel[1] === 1;
  const family: TileFamily = TILES[depthwise ? "depthwise" : pointwise ? "pointwise" : "window"];
  const columns = family.columns.filter((c) => c === 1 || c * kernel[1] <= MOST_UNROLLED);
  // A tile must not straddle groups; the last of a single group may be part empty.
  const outputs = [4, 2, 1].filter((o) => o <= family.outputs && (groups === 1 || groupOutputs % o === 0));
  const waste = ({ columns, outputs }: Tile) =>
    cost(columns, width, family.overhead) * cost(outputs, groupOutputs, 0.5);
  return columns.flatMap((c) => outputs.map((o): Tile => ({ columns: c, outputs: o })))
    .sort((a, b) => waste(a) - waste(b));
}

/** The tiles for a convolution on a device, best guess first; never empty. */
export function tilesFor(geometry: ConvolutionGeometry, { profile, workgroup }: Capabilities): Tile[] {
  if (profile === "software") return directTiles(geometry);
  const lanes = Math.min(MANY_LANES, workgroup.invocations);
  // Neighbouring lanes load neighbouring pixels: narrow tiles coalesce.
  const direct = directTiles(geometry).toSorted((a, b) => a.columns - b.columns).map((tile) => ({ ...tile, lanes }));
  return geometry.depthwise ? direct : [...sharedTiles(geometry, workgroup), ...direct];
}

/** What names say of a tile: "direct-8x2", "workgroup-4x4". */
export function tileName({ columns, outputs, shared }: Tile): string {
  return `${shared ? "workgroup" : "direct"}-${columns}x${outputs}`;
}

/** Work of covering `extent` in steps, where a step costs itself and an overhead. */
function cost(step: number, extent: number, overhead: number): number {
  return Math.ceil(extent / step) * (step + overhead);
}
