/**
 * The ways to compute a node that a device may choose from, as data. A kernel's planning function is told which one was
 * chosen ({@link PlanContext.variant}); without anybody measuring, it is the first: the best guess for the device.
 *
 * Every variant of a node computes the same, up to rounding. Names are stable: a tuning cache may keep them.
 *
 * @module
 */

import type { Node, Value } from "../../graph/graph.ts";
import type { ConvolutionAttributes } from "../../graph/ops/shared.ts";
import type { Capabilities } from "../planner.ts";
import { convolutionGeometry } from "./convolution_geometry.ts";
import { directTiles, type Tile } from "./convolution_tiles.ts";

/** Where a dynamic convolution meets its attentions. */
export type Mixing =
  /** Each sample's kernel is mixed into memory first. */
  | "mixed"
  /** One kernel (n = 1) serves the batch; attentions scale what is loaded. */
  | "shared";

/** One way to compute a convolution. */
export interface Variant {
  /** Unique among the variants of a node and stable over versions: "direct-8x2", "mixed-direct-8x2". */
  readonly name: string;
  /** "direct" sums the window's taps, a 1x1 window's as a matrix product. */
  readonly algorithm: "direct";
  /** What an invocation computes. */
  readonly tile: Tile;
  /** For dynamic convolutions. */
  readonly mixing?: Mixing;
}

/** Chooses one of a node's variants, which are never empty. */
export type ChooseVariant = (node: Node, variants: readonly Variant[]) => Variant;

/** Most tiles offered for one algorithm: each is a pipeline that somebody has to compile to measure it. */
const MOST_TILES = 3;

/** Maps of so many pixels and more cost so much that mixing kernels for them is lost in it. */
const MANY_PIXELS = 14 * 14;

/** The variants of a node on a device, best guess first; empty for operators that have but one way. */
export function variantsOf(node: Node, capabilities: Capabilities): readonly Variant[] {
  return VARIANTS[node.op.name]?.(node, capabilities) ?? [];
}

const VARIANTS: Readonly<Record<string, (node: Node, capabilities: Capabilities) => readonly Variant[]>> = {
  conv2d: convolutionVariants,
  dynamic_conv2d: dynamicVariants,
};

function convolutionVariants(node: Node, _capabilities: Capabilities): Variant[] {
  const { x, weight } = node.operands as Record<"x" | "weight", Value>;
  const attributes = node.attributes as ConvolutionAttributes;
  return variantsOfGeometry(convolutionGeometry(x.shape, weight.shape, node.output.shape, attributes));
}

function variantsOfGeometry(geometry: ReturnType<typeof convolutionGeometry>): Variant[] {
  return directTiles(geometry).slice(0, MOST_TILES).map((tile) => ({
    name: `direct-${tile.columns}x${tile.outputs}`,
    algorithm: "direct",
    tile,
  }));
}

function dynamicVariants(node: Node, _capabilities: Capabilities): Variant[] {
  const { x, weight, kernel } = node.operands as Record<"x" | "weight", Value> & { kernel?: Value };
  const attributes = node.attributes as ConvolutionAttributes;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, node.output.shape, attributes);
  const canShare = kernels === 1 && !kernel && !geometry.depthwise;
  const mixings: readonly Mixing[] = !canShare
    ? ["mixed"]
    : geometry.output.pixels < MANY_PIXELS
    ? ["shared", "mixed"]
    : ["mixed", "shared"];
  return mixings.flatMap((mixing) =>
    variantsOfGeometry(geometry).map((variant) => ({ ...variant, name: `${mixing}-${variant.name}`, mixing }))
  );
}
