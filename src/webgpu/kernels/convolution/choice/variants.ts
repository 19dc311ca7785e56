/**
 * Lists the variants of a node: the ways to compute it. The kernel's planning function gets the chosen variant from
 * {@link PlanContext.variant}. Without measurements, this is the first variant, the best guess for the device.
 *
 * All variants of a node compute the same result, up to rounding. Their names are stable, because tuning caches store
 * them.
 *
 * @module
 */

import type { AttributesOf, Node, OperandsOf, Value } from "../../../../graph/graph.ts";
import { type conv2dInputGrad, isPerSample } from "../../../../graph/ops/convolution_grad.ts";
import type { ConvolutionAttributes } from "../../../../graph/ops/shared.ts";
import type { Capabilities } from "../../../plan/plan.ts";
import type { DirectVariant, Mixing, Tile, Variant, WinogradVariant } from "../../../plan/variant.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "../geometry/geometry.ts";
import { transposedGeometry } from "../geometry/transposed.ts";
import {
  fitsWinograd,
  isWinograd,
  WINOGRAD_SIZES,
  winogradGeometry,
  winogradProduct,
} from "../geometry/winograd_geometry.ts";
import { byTileCost, LOAD_COST, rowTiles, tileCost, tileName, tilesFor } from "./convolution_tiles.ts";

/** Most tiles offered for one algorithm. A measurement compiles a pipeline for each. */
const MOST_TILES = 3;
const MOST_PRODUCT_TILES = 2;

/** Returns the variants of a node on a device, best guess first. Returns none for operators with only one way. */
export function variantsOf(node: Node, capabilities: Capabilities): readonly Variant[] {
  return VARIANTS[node.op.name]?.(node, capabilities) ?? [];
}

const VARIANTS: Readonly<Record<string, (node: Node, capabilities: Capabilities) => readonly Variant[]>> = {
  conv2d: convolutionVariants,
  dynamic_conv2d: dynamicVariants,
  conv2d_input_grad: inputGradVariants,
};

function convolutionVariants(node: Node, capabilities: Capabilities): Variant[] {
  const { x, weight } = node.operands as Record<"x" | "weight", Value>;
  const attributes = node.attributes as ConvolutionAttributes;
  const geometry = convolutionGeometry(x.shape, weight.shape.slice(-4), node.output.shape, attributes);
  if (weight.shape.length === 5) return perSampleVariants(geometry, capabilities);
  return staticVariants(geometry, attributes.groups, capabilities);
}

function dynamicVariants(node: Node, capabilities: Capabilities): Variant[] {
  const { x, weight } = node.operands as Record<"x" | "weight", Value>;
  const attributes = node.attributes as ConvolutionAttributes;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, node.output.shape, attributes);
  const variants = mixingVariants(geometry, attributes.groups, kernels, capabilities);
  if (!scalesFirst(node)) return variants;
  const scaling = (variant: Variant) => variant.mixing === "shared" ? geometry.input.texels * TEXEL_COST : 0;
  return byNumber(variants, (variant) => cost(geometry, variant, kernels) + scaling(variant));
}

/**
 * Whether a dynamic convolution with shared kernels multiplies its input by the channel attention beforehand, instead
 * of on load. With all four attentions, more operands are needed than some devices can bind.
 */
export function scalesFirst({ operands }: Node): boolean {
  const { channel, spatial, kernel } = operands as Partial<Record<"channel" | "spatial" | "kernel", Value>>;
  return Boolean(channel && spatial && kernel);
}

/** A strided convolution has only one way. */
function inputGradVariants(node: Node, capabilities: Capabilities): Variant[] {
  const { gradient, weight, spatial, kernel } = node.operands as OperandsOf<typeof conv2dInputGrad>;
  const attributes = node.attributes as AttributesOf<typeof conv2dInputGrad>;
  if (attributes.stride.some((step) => step !== 1)) return [];
  const geometry = transposedGeometry(gradient.shape, weight.shape.slice(-4), node.output.shape, attributes);
  if (isPerSample(weight.shape, kernel)) return perSampleVariants(geometry, capabilities);
  if (!kernel && !spatial) return staticVariants(geometry, attributes.groups, capabilities);
  const kernels = weight.shape.length === 5 ? weight.shape[0] : 1;
  return mixingVariants(geometry, attributes.groups, kernels, capabilities);
}

/** Returns the variants for one kernel that all samples share. */
function staticVariants(geometry: ConvolutionGeometry, groups: number, capabilities: Capabilities): Variant[] {
  const variants = [
    ...direct(geometry, capabilities, 1),
    ...(groups === 1 ? winograd(geometry, false, capabilities) : []),
  ];
  return byCost(geometry, variants, 1);
}

/** Returns the variants for kernels in memory, one for each sample. */
function perSampleVariants(geometry: ConvolutionGeometry, capabilities: Capabilities): Variant[] {
  return byCost(geometry, direct(geometry, capabilities, 1), 1);
}

/** Returns the variants for n kernels that are mixed for every sample. */
function mixingVariants(
  geometry: ConvolutionGeometry,
  groups: number,
  kernels: number,
  capabilities: Capabilities,
): Variant[] {
  const mix = <V extends Variant>(mixing: Mixing, variants: V[]): V[] =>
    variants.map((variant) => ({ ...variant, name: `${mixing}-${variant.name}`, mixing }));
  const mixed = mix("mixed", [
    ...direct(geometry, capabilities, 1),
    ...(groups === 1 ? winograd(geometry, true, capabilities) : []),
  ]);
  const shared = geometry.depthwise ? [] : mix("shared", direct(geometry, capabilities, kernels));
  return byCost(geometry, [...shared, ...mixed], kernels);
}

function direct(geometry: ConvolutionGeometry, capabilities: Capabilities, kernels: number): DirectVariant[] {
  const rows = capabilities.profile === "software" ? rowTiles(geometry, kernels) : [];
  return [...rows, ...offered(geometry, capabilities, kernels, MOST_TILES)]
    .map((tile) => ({ name: tileName(tile), algorithm: "direct", tile }));
}

/** Returns the best `most` tiles of each kind: with workgroup memory, with subgroups, and without sharing. */
function offered(geometry: ConvolutionGeometry, capabilities: Capabilities, kernels: number, most: number): Tile[] {
  const tiles = byTileCost(geometry, tilesFor(geometry, capabilities), kernels);
  const kinds = ["workgroup", "subgroups", undefined] as const;
  return kinds.flatMap((kind) => tiles.filter(({ shared }) => shared === kind).slice(0, most));
}

function winograd(
  geometry: ConvolutionGeometry,
  perSampleWeights: boolean,
  capabilities: Capabilities,
): WinogradVariant[] {
  if (!capabilities.winograd || !isWinograd(geometry)) return [];
  return WINOGRAD_SIZES.flatMap((size) => {
    const whole = winogradGeometry(geometry, size);
    if (!fitsWinograd(whole, capabilities)) return [];
    const product = winogradProduct(whole, perSampleWeights);
    return offered(product, capabilities, 1, MOST_PRODUCT_TILES).map((tile) => ({
      name: `winograd${size}-${tileName(tile)}`,
      algorithm: "winograd" as const,
      size,
      tile,
    }));
  });
}

/** Sorts by estimated cost. Variants of equal cost keep their order. */
function byCost(geometry: ConvolutionGeometry, variants: readonly Variant[], kernels: number): Variant[] {
  return byNumber(variants, (variant) => cost(geometry, variant, kernels));
}

function byNumber(variants: readonly Variant[], number: (variant: Variant) => number): Variant[] {
  return variants.toSorted((a, b) => number(a) - number(b));
}

/** The cost of storing a texel and loading it again on software adapters, in vector multiply-adds. */
const TEXEL_COST = 90;

/** The factor by which loads of taps that are far apart take longer. */
const SCATTERED = 4;

/** Returns a rough guess of a variant's cost, in vector multiply-adds. */
function cost(geometry: ConvolutionGeometry, variant: Variant, kernels: number): number {
  const { input, output, weightTexels } = geometry;
  const { tile, mixing } = variant;
  const isMixed = mixing === "mixed";
  const mixed = isMixed ? weightTexels * kernels * LOAD_COST : 0;
  if (variant.algorithm === "direct") {
    const kept = isMixed ? output.batch * weightTexels * TEXEL_COST : 0;
    return tileCost(geometry, tile, mixing === "shared" ? kernels : 1) + mixed + kept;
  }
  const winograd = winogradGeometry(geometry, variant.size);
  const transformed = winograd.positions * winograd.tiles * (input.blocks + output.blocks) +
    (isMixed ? winograd.kernelTexels : 0);
  return tileCost(winogradProduct(winograd, isMixed), tile) + mixed * SCATTERED +
    output.batch * transformed * TEXEL_COST;
}
