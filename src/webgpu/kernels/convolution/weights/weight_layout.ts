/**
 * Where a convolution's weights lie. They lie as every value does wherever channels fill whole blocks of four, so that
 * what training has changed needs no laying out before the next step:
 *
 *     static     [Cout][Cin/4][tap] texels of four input channels
 *     dynamic    [n][Cout/4][Cin][tap] texels of four output channels, n kernels or one for each sample
 *
 * The gradient to the input reads the same texels with inputs and outputs swapped. Both kinds are streams: a tile of
 * output channels reads the texels of each of its channels one after the other.
 *
 * What operators compute may have anything in the lanes past its last channel, which convolutions must read as zero: it is
 * laid out anew unless channels fill whole blocks.
 *
 * @module
 */

import type { Value } from "../../../../graph/graph.ts";
import type { Resource } from "../../../plan/kernel.ts";
import { packBlocks } from "../../../plan/layout.ts";
import type { PlanContext, Upload } from "../../../plan/plan.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { gatherEach, gatherTable } from "../../layout/gather.ts";
import { packWeights } from "./weight_packing.ts";

/** How a convolution finds its weights. */
export interface WeightLayout {
  /** The channels that a texel has four of; those of the other side lie `lane` apart. */
  readonly vector: "inputs" | "outputs";
  /** Texels from one block of input or output channels to the next, and from one channel of the other side. */
  readonly strides: { readonly input: number; readonly output: number; readonly lane: number };
  /** Texels of one kernel. */
  readonly texels: number;
  /** Whether the last tap comes first: in gradients to inputs. */
  readonly reversed: boolean;
}

/** A convolution's weights on the device. */
export interface WeightOperand {
  readonly weight: Resource;
  readonly layout: WeightLayout;
}

/** The weights [Cout, Cin/groups, kh, kw], or n of them, for the forward convolution of that geometry. */
export function weightOperand(
  weight: Value,
  geometry: ConvolutionGeometry,
  groups: number,
  context: PlanContext,
): WeightOperand {
  const { layout, isValue } = placed(weight, geometry, groups);
  const { precision } = context.capabilities;
  if (weight.source.kind === "node" && !(isValue && weight.shape[1] % 4 === 0)) {
    const one = weight.shape.length === 5 ? [1, ...weight.shape.slice(1)] : weight.shape;
    const pack: Upload["pack"] = isValue
      ? (data, out) => packBlocks(one, data, out)
      : packWeights(one, geometry, groups);
    const count = kernelsOf(weight);
    const y = context.scratch(`${weight.name} weights`, layout.texels * count);
    const table = gatherTable({ ...weight, shape: one }, layout.texels, pack);
    gatherEach(weight.name, context.read(weight), table, count, y, context);
    return { weight: context.operandOf(y), layout };
  }
  if (isValue && (precision === "float32" || !context.isConstant(weight))) {
    return { weight: context.operand(weight), layout };
  }
  const texels = layout.texels * kernelsOf(weight);
  const pack: Upload["pack"] = isValue
    ? (data, out) => packBlocks(weight.shape, data, out)
    : packWeights(weight.shape, geometry, groups);
  return { weight: context.packed(weight, `weights/${groups}`, texels, pack, precision), layout };
}

/** The layout of {@link weightOperand}, without asking for the weights. */
export function weightLayout(weight: Value, geometry: ConvolutionGeometry, groups: number): WeightLayout {
  return placed(weight, geometry, groups).layout;
}

function kernelsOf({ shape }: Value): number {
  return shape.length === 5 ? shape[0] : 1;
}

/** Where weights lie, and whether that is where every value of their shape does. */
function placed(weight: Value, geometry: ConvolutionGeometry, groups: number) {
  const { kernel: [kh, kw], depthwise, groupInputs, weightTexels: texels } = geometry;
  const taps = kh * kw;
  const dynamic = weight.shape.length === 5;
  const common = { texels, reversed: false };
  if (depthwise) {
    const layout: WeightLayout = { ...common, vector: "outputs", strides: { input: taps, output: taps, lane: 0 } };
    return { layout, isValue: dynamic };
  }
  const [cout, cin] = weight.shape.slice(-4);
  const isValue = geometry.groups === groups && (dynamic ? cin : cout) % 4 === 0;
  const layout: WeightLayout = isValue && !dynamic
    ? {
      ...common,
      vector: "inputs",
      strides: { input: taps, output: 4 * groupInputs * taps, lane: groupInputs * taps },
    }
    : { ...common, vector: "outputs", strides: { input: 4 * taps, output: 4 * groupInputs * taps, lane: taps } };
  return { layout, isValue };
}

/** The layout of the same weights for the convolution that takes gradients back. */
export function transposed({ vector, strides, texels, reversed }: WeightLayout): WeightLayout {
  return {
    vector: vector === "inputs" ? "outputs" : "inputs",
    strides: { input: strides.output, output: strides.input, lane: strides.lane },
    texels,
    reversed: !reversed,
  };
}

/** The uniforms that the WGSL of this module reads. */
export function weightUniforms(
  { strides, texels }: WeightLayout,
  { groups }: ConvolutionGeometry,
  perSampleWeights: boolean,
): Record<string, number> {
  return {
    w_input: strides.input,
    w_output: strides.output,
    w_lane: strides.lane,
    w_group: texels / groups,
    w_sample: perSampleWeights ? texels : 0,
    w_kernel: texels,
  };
}

/** Channels of a block whose weights are loaded one by one: of the inputs that exist, or of all four outputs. */
export function weightLanes({ vector }: WeightLayout, inputs: number): number[] {
  return Array.from({ length: vector === "outputs" ? Math.min(4, inputs) : 4 }, (_, lane) => lane);
}

/** WGSL that adds to `sum` what a texel `x` of so many input channels gives by the weights of each lane. */
export function addWeighted(
  { vector }: WeightLayout,
  sum: string,
  x: string,
  weights: readonly string[],
  inputs: number,
): string {
  // One addition to the sum for all lanes: a chain of a quarter of the length, of as many operations.
  if (vector === "outputs") return `${sum} += ${weights.map((w, l) => `${x}[${l}] * ${w}`).join(" + ")};`;
  return `${sum} += vec4f(${weights.map((w) => innerProduct(x, w, inputs)).join(", ")});`;
}

/** WGSL of the inner product of two texels, of so many of their channels. */
export function innerProduct(a: string, b: string, channels: number): string {
  if (channels >= 4) return `dot(${a}, ${b})`;
  const some = "xyz".slice(0, channels);
  return channels === 1 ? `${a}[0] * ${b}[0]` : `dot(${a}.${some}, ${b}.${some})`;
}

/** WGSL of a tap's place among its kernel's, where `tap` counts them from the window's first. */
export function tapPlace({ reversed }: WeightLayout, tap: string, taps: number): string {
  return reversed ? `(${taps - 1}u - ${tap})` : tap;
}
