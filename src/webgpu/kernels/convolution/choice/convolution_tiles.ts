/**
 * The register tiles of direct convolutions and their estimated costs.
 *
 * @module
 */

import type { Capabilities } from "../../../plan/plan.ts";
import type { Tile } from "../../../plan/variant.ts";
import { haloColumns } from "../../wgsl/halo.ts";
import { type ConvolutionGeometry, isFlat } from "../geometry/geometry.ts";
import { cooperativeTile, sharedTiles } from "./cooperative_tiles.ts";

/** Lanes of a workgroup on software adapters, which run them one after the other. */
export const FEW_LANES = 8;

/** Lanes of a workgroup on hardware, which runs 32 or 64 lanes at once. */
const MANY_LANES = 64;

/** The tiles that a kind of convolution chooses from. There are few, because drivers compile a pipeline for each. */
interface TileFamily {
  readonly columns: readonly number[];
  /** Values above 1 are for software adapters. */
  readonly rows: readonly number[];
  /** Most blocks of output channels. */
  readonly outputs: number;
}

/** Measured on lavapipe. For example, 16 columns by 4 blocks is a third slower than 14 by 4. */
const TILES = {
  pointwise: { columns: [25, 14, 8, 4, 2, 1], rows: [1], outputs: 4 },
  window: { columns: [14, 8, 7, 4, 2, 1], rows: [1], outputs: 4 },
  depthwise: { columns: [8, 7, 4, 2, 1], rows: [7, 4, 2, 1], outputs: 1 },
} as const satisfies Record<string, TileFamily>;

/**
 * Most columns times taps of a row, and the most of that product times blocks and rows. Larger bodies take compilers
 * seconds.
 */
const MOST_UNROLLED = 56;
const MOST_SUMS = 170;

/** Most pixels times taps of a depthwise tile of several rows, which is fully unrolled. */
const MOST_TAPPED = 504;

/** Most pixels of a tile of several rows. */
const MOST_PIXELS = 56;

/** The cost of loading a texel on software adapters, in vector multiply-adds. */
export const LOAD_COST = 5;

/** Texels of a GPU's cache line. */
const LINE_TEXELS = 8;

/** Most vector sums of an invocation that a GPU keeps in registers. */
const MOST_KEPT = 16;

/** An invocation with more vector sums than this spills registers. Its cost then grows by SPILL_COST. */
const FEW_SUMS = 64;
const SPILL_COST = 0.1;

/** The other costs of an invocation, in vector multiply-adds. */
const INVOCATION_COST = 60;

/**
 * The assumed cost of subgroups relative to workgroup memory. It is high, so that only measurements choose subgroups.
 */
const UNPROVEN = 2;

/** Returns the tiles for a convolution, cheapest estimate first. There is at least one. */
export function directTiles(geometry: ConvolutionGeometry): Tile[] {
  const { kernel: [kh, kw], depthwise, groups, groupOutputs } = geometry;
  const pointwise = kh * kw === 1;
  const family: TileFamily = TILES[depthwise ? "depthwise" : pointwise ? "pointwise" : "window"];
  const columns = family.columns.filter((c) => c === 1 || c * kw <= MOST_UNROLLED);
  // A tile must not cross a group's border. If there is a single group, its last tile may be partly empty.
  const outputs = [4, 2, 1].filter((o) => o <= family.outputs && (groups === 1 || groupOutputs % o === 0));
  return byTileCost(
    geometry,
    columns.flatMap((c) =>
      outputs.filter((o) => c === 1 || c * o * kw <= MOST_SUMS).flatMap((o) =>
        family.rows.filter((r) => r === 1 || r * c * kh * kw <= MOST_TAPPED)
          .map((r): Tile => ({ columns: c, rows: r === 1 ? undefined : r, outputs: o }))
      )
    ),
  );
}

/**
 * Returns tiles of whole rows, for small maps whose `kernels` weights are mixed as they are loaded. Each tile mixes the
 * weights again, so fewer tiles per sample are better. Returns none if there is no gain.
 */
export function rowTiles(geometry: ConvolutionGeometry, kernels: number): Tile[] {
  const { kernel: [, kw], depthwise, output: { width, height } } = geometry;
  const most = Math.floor(Math.min(MOST_PIXELS, MOST_SUMS / kw) / width);
  if (depthwise || isFlat(geometry) || most < 2 || height < 2) return [];
  const rows = Math.ceil(height / Math.ceil(height / most));
  return byTileCost(geometry, [{ columns: width, rows, outputs: 1 }], kernels);
}

/** Sorts by {@link tileCost}. */
export function byTileCost(geometry: ConvolutionGeometry, tiles: readonly Tile[], kernels = 1): Tile[] {
  return tiles.toSorted((a, b) => tileCost(geometry, a, kernels) - tileCost(geometry, b, kernels));
}

/**
 * Returns a rough guess of a batch's cost in vector multiply-adds. The tiles mix `kernels` weights as they load them.
 */
export function tileCost(geometry: ConvolutionGeometry, tile: Tile, kernels = 1): number {
  const { kernel: [kh, kw], stride, dilation, depthwise, groups, groupInputs, groupOutputs, output } = geometry;
  if (tile.shared) {
    const { pixels, blocks } = cooperativeTile(geometry, tile);
    const steps = output.batch * groups * Math.ceil(output.pixels / pixels) * Math.ceil(groupOutputs / blocks);
    const step = pixels * blocks + LOAD_COST * (pixels / 4 + blocks * kernels);
    return steps * groupInputs * kh * kw * 4 * step * (tile.shared === "subgroups" ? UNPROVEN : 1);
  }
  const { columns, rows = 1, outputs, lanes = FEW_LANES } = tile;
  // Lanes that load at the same time load texels `columns` apart, which takes as many times the cache lines. So narrow
  // tiles coalesce better. All lanes load the same weight.
  const [pixelCost, weightCost] = lanes > FEW_LANES
    ? [LOAD_COST * Math.min(columns, LINE_TEXELS), 1]
    : [LOAD_COST, LOAD_COST];
  const [height, width] = isFlat(geometry) ? [1, output.pixels] : [output.height, output.width];
  const steps = output.batch * groups * Math.ceil(width / columns) * Math.ceil(height / rows) *
    Math.ceil(groupOutputs / outputs);
  const halo = haloColumns(columns, kw, stride[1], dilation[1]).length;
  if (depthwise) {
    const pixels = haloColumns(rows, kh, stride[0], dilation[0]).length * halo;
    return steps * (columns * rows * kh * kw + pixelCost * pixels + weightCost * kh * kw + INVOCATION_COST);
  }
  const loading = pixelCost * rows * halo + weightCost * kw * 4 * outputs * kernels;
  const sums = columns * rows * outputs * kw * 4;
  const spilled = columns * rows * outputs > FEW_SUMS ? 1 + SPILL_COST : 1;
  return steps * (groupInputs * kh * (sums + loading) * spilled + INVOCATION_COST);
}

/**
 * Returns the tiles for a convolution on a device. There is at least one. They are not sorted; see {@link byTileCost}.
 */
export function tilesFor(geometry: ConvolutionGeometry, capabilities: Capabilities): Tile[] {
  const { profile, workgroup } = capabilities;
  if (profile === "software") return directTiles(geometry);
  const lanes = Math.min(MANY_LANES, workgroup.invocations);
  const direct = directTiles(geometry).filter(({ rows, columns, outputs }) => !rows && columns * outputs <= MOST_KEPT)
    .map((tile) => ({ ...tile, lanes }));
  return geometry.depthwise ? direct : [...sharedTiles(geometry, capabilities), ...direct];
}

/** Returns a tile's name: "direct-8x2", "workgroup-4x4", "subgroups-4x4", or "direct-7x7x1" for several rows. */
export function tileName({ columns, rows, outputs, shared }: Tile): string {
  return `${shared ?? "direct"}-${[columns, rows, outputs].filter((n) => n !== undefined).join("x")}`;
}
