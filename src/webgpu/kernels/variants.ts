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
import { type ConvolutionGeometry, convolutionGeometry } from "./convolution_geometry.ts";
import { type Tile, tileName, tilesFor } from "./convolution_tiles.ts";
import { isWinograd, winogradGeometry, winogradProduct } from "./winograd.ts";
import { WINOGRAD_SIZES, type WinogradSize } from "./winograd_matrices.ts";

/** Where a dynamic convolution meets its attentions. */
export type Mixing =
  /** Each sample's kernel is mixed into memory first. */
  | "mixed"
  /** One kernel (n = 1) serves the batch; attentions scale what is loaded. */
  | "shared";

/** What every way to compute a convolution has. */
interface ConvolutionVariant {
  /** Unique among the variants of a node and stable over versions: "direct-8x2", "mixed-winograd4-14x4". */
  readonly name: string;
  /** What an invocation computes, of the convolution or of the matrix products. */
  readonly tile: Tile;
  /** For dynamic convolutions. */
  readonly mixing?: Mixing;
}

/** Sums the window's taps; a 1x1 window's are a matrix product. */
export interface DirectVariant extends ConvolutionVariant {
  readonly algorithm: "direct";
}

/** Minimal filtering, for 3x3 windows of stride 1: ./winograd.ts. */
export interface WinogradVariant extends ConvolutionVariant {
  readonly algorithm: "winograd";
  /** m of F(m, 3). */
  readonly size: WinogradSize;
}

/** One way to compute a node. */
export type Variant = DirectVariant | WinogradVariant;

/** Chooses one of a node's variants, which are never empty. */
export type ChooseVariant = (node: Node, variants: readonly Variant[]) => Variant;

/** Most tiles offered for one algorithm: each is a pipeline that somebody has to compile to measure it. */
const MOST_TILES = 3;
const MOST_PRODUCT_TILES = 2;

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

function convolutionVariants(node: Node, capabilities: Capabilities): Variant[] {
  const { x, weight } = node.operands as Record<"x" | "weight", Value>;
  const attributes = node.attributes as ConvolutionAttributes;
  const geometry = convolutionGeometry(x.shape, weight.shape, node.output.shape, attributes);
  return byCost(geometry, [...direct(geometry, capabilities), ...winograd(geometry, attributes, capabilities)]);
}

function dynamicVariants(node: Node, capabilities: Capabilities): Variant[] {
  const { x, weight, kernel } = node.operands as Record<"x" | "weight", Value> & { kernel?: Value };
  const attributes = node.attributes as ConvolutionAttributes;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, node.output.shape, attributes);
  const mix = <V extends Variant>(mixing: Mixing, variants: V[]): V[] =>
    variants.map((variant) => ({ ...variant, name: `${mixing}-${variant.name}`, mixing }));
  const mixed = mix("mixed", [...direct(geometry, capabilities), ...winograd(geometry, attributes, capabilities)]);
  const shared = kernels === 1 && !kernel && !geometry.depthwise ? mix("shared", direct(geometry, capabilities)) : [];
  const sharedFirst = geometry.output.pixels < MANY_PIXELS;
  return sharedFirst ? [...shared, ...byCost(geometry, mixed)] : [...byCost(geometry, mixed), ...shared];
}

function direct(geometry: ConvolutionGeometry, capabilities: Capabilities): DirectVariant[] {
  return offered(geometry, capabilities, MOST_TILES)
    .map((tile) => ({ name: tileName(tile), algorithm: "direct", tile }));
}

/** The best so many tiles of each kind: through workgroup memory and not. */
function offered(geometry: ConvolutionGeometry, capabilities: Capabilities, most: number): Tile[] {
  const tiles = tilesFor(geometry, capabilities);
  return [true, false].flatMap((shared) => tiles.filter((tile) => (tile.shared ?? false) === shared).slice(0, most));
}

function winograd(
  geometry: ConvolutionGeometry,
  { groups }: ConvolutionAttributes,
  capabilities: Capabilities,
): WinogradVariant[] {
  if (!capabilities.winograd || groups !== 1 || !isWinograd(geometry)) return [];
  return WINOGRAD_SIZES.flatMap((size) =>
    offered(winogradProduct(winogradGeometry(geometry, size), false), capabilities, MOST_PRODUCT_TILES).map((tile) => ({
      name: `winograd${size}-${tileName(tile)}`,
      algorithm: "winograd",
      size,
      tile,
    }))
  );
}

/** Sorts by what they should cost; those that cost the same keep their order. */
function byCost(geometry: ConvolutionGeometry, variants: readonly Variant[]): Variant[] {
  return variants.toSorted((a, b) => cost(geometry, a) - cost(geometry, b));
}

/** Vector multiply-adds that take as long as storing a texel and loading it again, on software adapters. */
const TEXEL_COST = 45;

/** A rough guess in vector multiply-adds. */
function cost(geometry: ConvolutionGeometry, variant: Variant): number {
  const { input, output, kernel, groupInputs, groupOutputs } = geometry;
  if (variant.algorithm === "direct") {
    return output.texels * groupInputs * 4 * kernel[0] * kernel[1];
  }
  const { positions, tiles, kernelTexels } = winogradGeometry(geometry, variant.size);
  const kernels = variant.mixing === "mixed" ? output.batch : 0;
  const transformed = output.batch * positions * tiles * (input.blocks + output.blocks) + kernels * kernelTexels;
  return output.batch * positions * tiles * groupInputs * 4 * groupOutputs + transformed * TEXEL_COST;
}
