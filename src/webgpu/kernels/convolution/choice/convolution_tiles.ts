/**
 * The register tiles of direct convolutions, as data.
 *
 * @module
 */

import type { Capabilities } from "../../../plan/plan.ts";
import type { Tile } from "../../../plan/variant.ts";
import { haloColumns } from "../../wgsl/halo.ts";
import { type ConvolutionGeometry, isFlat } from "../geometry/geometry.ts";
import { cooperativeTile, sharedTiles } from "./cooperative_tiles.ts";

/** Software adapters run the lanes of a workgroup in turns. */
export const FEW_LANES = 8;

/** Hardware runs 32 or 64 lanes at once. */
const MANY_LANES = 64;

/** The tiles that a kind of convolution chooses from: few, for every distinct tile is a pipeline that drivers compile. */
interface TileFamily {
  readonly columns: readonly number[];
  /** Those above 1 are for software adapters. */
  readonly rows: readonly number[];
  /** Most blocks of output channels. */
  readonly outputs: number;
}

/** Measured on lavapipe; 16 columns by 4 blocks, say, is a third slower than 14 by 4. */
const TILES = {
  pointwise: { columns: [25, 14, 8, 4, 2, 1], rows: [1], outputs: 4 },
  window: { columns: [14, 8, 7, 4, 2, 1], rows: [1], outputs: 4 },
  depthwise: { columns: [8, 7, 4, 2, 1], rows: [7, 4, 2, 1], outputs: 1 },
} as const satisfies Record<string, TileFamily>;

/** Most columns times taps of a row, and that times blocks and rows: larger bodies take compilers seconds. */
const MOST_UNROLLED = 56;
const MOST_SUMS = 170;

/** Most pixels times taps of a depthwise tile of several rows, which has no loop. */
const MOST_TAPPED = 504;

/** Pixels of a tile of several rows. */
const MOST_PIXELS = 56;

/** Vector multiply-adds that take as long as loading a texel, on software adapters. */
export const LOAD_COST = 5;

/** Texels of a line of a GPU's cache. */
const LINE_TEXELS = 8;

/** Vector sums of an invocation that a GPU keeps in registers. */
const MOST_KEPT = 16;

/** Vector sums of an invocation beyond which everything it does takes longer by a part. */
const FEW_SUMS = 64;
const SPILL_COST = 0.1;

/** Vector multiply-adds that take as long as what an invocation does besides. */
const INVOCATION_COST = 60;

/** What subgroups are taken to cost more than workgroup memory, so that only measurements prefer them. */
const UNPROVEN = 2;

/** The tiles for a convolution, that which should cost least first; never empty. */
export function directTiles(geometry: ConvolutionGeometry): Tile[] {
  const { kernel: [kh, kw], depthwise, groups, groupOutputs } = geometry;
  const pointwise = kh * kw === 1;
  const family: TileFamily = TILES[depthwise ? "depthwise" : pointwise ? "pointwise" : "window"];
  const columns = family.columns.filter((c) => c === 1 || c * kw <= MOST_UNROLLED);
  // A tile must not straddle groups; the last of a single group may be part empty.
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
 * Tiles of whole rows, for small maps whose `kernels` weights are mixed as they are loaded: the fewer tiles a sample has,
 * the fewer times that happens. None where there is nothing to gain.
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

/** What a batch costs by tiles that mix `kernels` weights as they load them, in vector multiply-adds; a rough guess. */
export function tileCost(geometry: ConvolutionGeometry, tile: Tile, kernels = 1): number {
  const { kernel: [kh, kw], stride, dilation, depthwise, groups, groupInputs, groupOutputs, output } = geometry;
  if (tile.shared) {
    const { pixels, blocks } = cooperativeTile(geometry, tile);
    const steps = output.batch * groups * Math.ceil(output.pixels / pixels) * Math.ceil(groupOutputs / blocks);
    const step = pixels * blocks + LOAD_COST * (pixels / 4 + blocks * kernels);
    return steps * groupInputs * kh * kw * 4 * step * (tile.shared === "subgroups" ? UNPROVEN : 1);
  }
  const { columns, rows = 1, outputs, lanes = FEW_LANES } = tile;
  // Lanes that load at once load texels `columns` apart, of as many times the lines: narrow tiles coalesce. The weight is
  // the same for all of them.
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

/** The tiles for a convolution on a device, in no order ({@link byTileCost} has one); never empty. */
export function tilesFor(geometry: ConvolutionGeometry, capabilities: Capabilities): Tile[] {
  const { profile, workgroup } = capabilities;
  if (profile === "software") return directTiles(geometry);
  const lanes = Math.min(MANY_LANES, workgroup.invocations);
  const direct = directTiles(geometry).filter(({ rows, columns, outputs }) => !rows && columns * outputs <= MOST_KEPT)
    .map((tile) => ({ ...tile, lanes }));
  return geometry.depthwise ? direct : [...sharedTiles(geometry, capabilities), ...direct];
}

/** What names say of a tile: "direct-8x2", "workgroup-4x4", "subgroups-4x4", of several rows "direct-7x7x1". */
export function tileName({ columns, rows, outputs, shared }: Tile): string {
  return `${shared ?? "direct"}-${[columns, rows, outputs].filter((n) => n !== undefined).join("x")}`;
}
