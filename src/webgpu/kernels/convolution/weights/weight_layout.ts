/**
 * The layout of a convolution's weights in memory. If channels fill whole blocks of four, it is the layout of all
 * values. Then weights that training changed need no conversion before the next step:
 *
 *     static     [Cout][Cin/4][tap] texels of four input channels
 *     dynamic    [n][Cout/4][Cin][tap] texels of four output channels, n kernels or one for each sample
 *
 * The gradient to the input reads the same texels with inputs and outputs swapped. Both layouts are read as streams: a
 * tile of output channels reads the texels of each of its channels one after the other.
 *
 * Computed weights may hold any numbers in the lanes past the last channel, but convolutions need zeros there. So those
 * weights are converted unless channels fill whole blocks.
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

/** Where a convolution kernel finds its weights. */
export interface WeightLayout {
  /** The channels within a texel, four at a time. Channels of the other side are `lane` texels apart. */
  readonly vector: "inputs" | "outputs";
  /** Texels between two blocks of input or output channels, and between two channels of the other side. */
  readonly strides: { readonly input: number; readonly output: number; readonly lane: number };
  /** Texels of one kernel. */
  readonly texels: number;
  /** Whether the last tap comes first, as in gradients to inputs. */
  readonly reversed: boolean;
}

/** A convolution's weights on the device. */
export interface WeightOperand {
  readonly weight: Resource;
  readonly layout: WeightLayout;
}

/** Returns the weights [Cout, Cin/groups, kh, kw], or n of them, for a forward convolution with that geometry. */
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

/** Returns the layout of {@link weightOperand}, without requesting the weights. */
export function weightLayout(weight: Value, geometry: ConvolutionGeometry, groups: number): WeightLayout {
  return placed(weight, geometry, groups).layout;
}

function kernelsOf({ shape }: Value): number {
  return shape.length === 5 ? shape[0] : 1;
}

/** Returns the place of weights, and whether it is that of all values of their shape. */
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

/** Returns the layout of the same weights for the convolution that computes the input's gradient. */
export function transposed({ vector, strides, texels, reversed }: WeightLayout): WeightLayout {
  return {
    vector: vector === "inputs" ? "outputs" : "inputs",
    strides: { input: strides.output, output: strides.input, lane: strides.lane },
    texels,
    reversed: !reversed,
  };
}

/** Returns the uniforms that the WGSL of this module reads. */
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

/** Returns the channels of a block whose weights are loaded one by one: the existing inputs, or all four outputs. */
export function weightLanes({ vector }: WeightLayout, inputs: number): number[] {
  return Array.from({ length: vector === "outputs" ? Math.min(4, inputs) : 4 }, (_, lane) => lane);
}

/** Returns WGSL that adds to `sum` the texel `x`, which has `inputs` input channels, times the weights of each lane. */
export function addWeighted(
  { vector }: WeightLayout,
  sum: string,
  x: string,
  weights: readonly string[],
  inputs: number,
): string {
  // All lanes are added to the sum in one addition. The chain has a quarter of the length and the same operations.
  if (vector === "outputs") return `${sum} += ${weights.map((w, l) => `${x}[${l}] * ${w}`).join(" + ")};`;
  return `${sum} += vec4f(${weights.map((w) => innerProduct(x, w, inputs)).join(", ")});`;
}

/** Returns WGSL of the inner product of two texels over their first `channels` channels. */
export function innerProduct(a: string, b: string, channels: number): string {
  if (channels >= 4) return `dot(${a}, ${b})`;
  const some = "xyz".slice(0, channels);
  return channels === 1 ? `${a}[0] * ${b}[0]` : `dot(${a}.${some}, ${b}.${some})`;
}

/** Returns WGSL of a tap's place among its kernel's taps. `tap` is counted from the window's first tap. */
export function tapPlace({ reversed }: WeightLayout, tap: string, taps: number): string {
  return reversed ? `(${taps - 1}u - ${tap})` : tap;
}
