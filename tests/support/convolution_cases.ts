/** The convolutions that are tested on every device: odd shapes, and every attribute and operand. */

import type { Value } from "../../src/graph/graph.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { sigmoid } from "../../src/graph/ops/elementwise.ts";
import { mixKernels } from "../../src/graph/ops/mix_kernels.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import type { Activation, Pair } from "../../src/graph/ops/shared.ts";
import type { RandomGraph } from "./random_graph.ts";

/** All hyper-parameters of a convolution. The defaults are PyTorch's. */
export interface ConvolutionCase {
  readonly batch?: number;
  readonly cin: number;
  readonly cout: number;
  readonly size: Pair;
  readonly k: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly activation?: Activation;
  readonly bias?: boolean;
  readonly residual?: boolean;
  /**
   * Each sample has its own weight and bias: given as inputs, or computed by an operator that leaves non-zero numbers
   * in the lanes after the last channel.
   */
  readonly perSample?: "given" | "computed";
  /** Dynamic: the number of kernels. */
  readonly kernels?: number;
  /** Dynamic: the attentions, a part of "cfs". The kernel attention exists if there are several kernels. */
  readonly attentions?: string;
}

const one: Pair = [1, 1];
const two: Pair = [2, 2];

/** Cases of conv2d. */
export const STATIC: readonly ConvolutionCase[] = [
  { cin: 3, cout: 8, size: [15, 17], k: [7, 7], stride: two, padding: [3, 3], activation: "relu" },
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, bias: true, residual: true, activation: "relu" },
  { cin: 6, cout: 10, size: [9, 13], k: [3, 3], stride: two, padding: one, bias: true },
  { batch: 5, cin: 7, cout: 5, size: [6, 5], k: [3, 3] },
  { cin: 16, cout: 32, size: [5, 29], k: one, activation: "relu6", bias: true },
  { batch: 5, cin: 9, cout: 16, size: [3, 3], k: one, residual: true },
  { batch: 2, cin: 8, cout: 16, size: [9, 7], k: one, stride: two },
  { cin: 8, cout: 8, size: [6, 6], k: one, padding: one },
  { cin: 4, cout: 8, size: [11, 10], k: [3, 3], padding: two, dilation: two },
  { cin: 4, cout: 12, size: [12, 9], k: [3, 5], stride: [2, 1], padding: [0, 2], dilation: [3, 1] },
  { cin: 4, cout: 4, size: [3, 40], k: [1, 11], padding: [0, 5] },
  { cin: 16, cout: 32, size: [7, 8], k: [3, 3], padding: one, groups: 2, bias: true },
  { batch: 5, cin: 6, cout: 9, size: [5, 5], k: [3, 3], padding: one, groups: 3, residual: true },
  { cin: 8, cout: 16, size: [6, 5], k: [3, 3], stride: two, groups: 8 },
  { batch: 5, cin: 12, cout: 12, size: [7, 9], k: [3, 3], padding: one, groups: 12, bias: true, activation: "relu6" },
  { cin: 6, cout: 6, size: [13, 11], k: [5, 5], stride: two, padding: two, groups: 6, residual: true },
  { cin: 5, cout: 5, size: [9, 9], k: [3, 3], padding: [3, 3], dilation: [3, 3], groups: 5 },
  { cin: 1, cout: 1, size: [4, 4], k: [3, 3], padding: one },
];

/** Cases of dynamic_conv2d. */
export const DYNAMIC: readonly ConvolutionCase[] = [
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, kernels: 1, bias: true, activation: "relu" },
  { cin: 6, cout: 10, size: [5, 6], k: [3, 3], stride: two, padding: one, kernels: 1, residual: true },
  { cin: 4, cout: 8, size: [30, 29], k: [3, 3], padding: one, kernels: 1 },
  { batch: 2, cin: 8, cout: 16, size: [5, 5], k: one, kernels: 1, attentions: "cf" },
  { cin: 8, cout: 12, size: [6, 6], k: [3, 3], groups: 2, kernels: 1, dilation: two },
  { cin: 4, cout: 4, size: [6, 6], k: [3, 3], kernels: 1, attentions: "" },
  { cin: 4, cout: 8, size: [6, 7], k: [3, 3], kernels: 1, attentions: "s" },
  { cin: 4, cout: 8, size: [6, 7], k: [3, 3], kernels: 1, attentions: "f" },
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, kernels: 4, bias: true, residual: true },
  { cin: 7, cout: 9, size: [9, 8], k: [3, 3], stride: two, padding: one, kernels: 2, activation: "relu" },
  { batch: 5, cin: 16, cout: 32, size: [3, 5], k: one, kernels: 4, attentions: "cf" },
  { batch: 2, cin: 12, cout: 18, size: [5, 5], k: [3, 3], padding: one, groups: 3, kernels: 2 },
  { batch: 5, cin: 10, cout: 10, size: [7, 6], k: [3, 3], padding: one, groups: 10, kernels: 4, attentions: "cs" },
  { cin: 8, cout: 8, size: [9, 9], k: [3, 3], stride: two, groups: 8, kernels: 1, attentions: "cs", bias: true },
  { cin: 5, cout: 6, size: [4, 4], k: one, kernels: 5, attentions: "" },
];

/** Cases of conv2d with a weight for each sample. */
export const PER_SAMPLE: readonly ConvolutionCase[] = (["given", "computed"] as const).flatMap((perSample) => [
  { batch: 3, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, bias: true, activation: "relu", perSample },
  { batch: 2, cin: 5, cout: 7, size: [6, 9], k: [3, 3], stride: two, padding: one, residual: true, perSample },
  { batch: 5, cin: 6, cout: 10, size: [5, 5], k: one, bias: true, perSample },
  { cin: 4, cout: 6, size: [9, 8], k: [5, 3], dilation: two, perSample },
  { batch: 2, cin: 16, cout: 8, size: [6, 6], k: [3, 3], padding: one, groups: 2, bias: true, perSample },
  { batch: 3, cin: 6, cout: 9, size: [5, 5], k: [3, 3], groups: 3, perSample },
  { batch: 2, cin: 4, cout: 8, size: [5, 6], k: [3, 3], groups: 4, perSample },
  { batch: 3, cin: 10, cout: 10, size: [7, 6], k: [3, 3], padding: one, groups: 10, bias: true, perSample },
]);

/**
 * Cases for Winograd's transform. The tiles do not divide these maps. Some blocks of channels are partly empty. There
 * is padding on no side, some sides or all sides.
 */
export const WINOGRAD: readonly ConvolutionCase[] = [
  {
    batch: 3,
    cin: 8,
    cout: 16,
    size: [14, 15],
    k: [3, 3],
    padding: one,
    bias: true,
    residual: true,
    activation: "relu",
  },
  { batch: 2, cin: 7, cout: 5, size: [9, 6], k: [3, 3] },
  { cin: 3, cout: 4, size: [3, 3], k: [3, 3], padding: two, activation: "relu6" },
  { batch: 3, cin: 6, cout: 9, size: [9, 10], k: [3, 3], padding: one, kernels: 3, bias: true, residual: true },
  { batch: 2, cin: 8, cout: 8, size: [5, 7], k: [3, 3], padding: one, kernels: 1, activation: "relu" },
  { batch: 2, cin: 4, cout: 8, size: [6, 6], k: [3, 3], padding: [0, 1], kernels: 1, attentions: "s" },
  { batch: 2, cin: 4, cout: 8, size: [6, 6], k: [3, 3], padding: one, kernels: 1, attentions: "c" },
];

/**
 * Cases with more pixels and channels than a workgroup's tile, and with fewer; with several samples in one tile; with
 * groups.
 */
export const WORKGROUP: readonly ConvolutionCase[] = [
  { batch: 3, cin: 20, cout: 72, size: [9, 9], k: [3, 3], padding: one, bias: true, residual: true },
  { batch: 2, cin: 70, cout: 140, size: [12, 13], k: one, activation: "relu6" },
  { batch: 3, cin: 24, cout: 40, size: [5, 5], k: [3, 3], padding: one, stride: two, groups: 2 },
  { batch: 3, cin: 20, cout: 36, size: [7, 7], k: [3, 3], padding: one, kernels: 1, bias: true },
  { batch: 2, cin: 20, cout: 36, size: [7, 7], k: [3, 3], padding: one, kernels: 3, residual: true },
];

/** Returns the window attributes of a case. */
export function windowOfCase({ stride = one, padding = [0, 0], dilation = one, groups = 1 }: ConvolutionCase) {
  return { stride, padding, dilation, groups };
}

/** Returns the attentions of a case, as random inputs. */
export function attentionsOfCase(
  g: RandomGraph,
  { batch = 1, cin, cout, k, kernels, attentions = "cfs" }: ConvolutionCase,
) {
  const attention = (letter: string, n: number) =>
    kernels !== undefined && attentions.includes(letter) ? g.input(`attention ${letter}`, [batch, n]) : undefined;
  return {
    channel: attention("c", cin),
    filter: attention("f", cout),
    spatial: attention("s", k[0] * k[1]),
    kernel: kernels !== undefined && kernels > 1 ? g.input("attention w", [batch, kernels]) : undefined,
  };
}

/** Builds the convolution of a case from random tensors. */
export function buildConvolution(g: RandomGraph, c: ConvolutionCase): Value {
  if (c.perSample) return buildPerSample(g, c);
  const { batch = 1, cin, cout, k, groups = 1, kernels, activation = "none" } = c;
  const attributes = { ...windowOfCase(c), activation };
  const x = g.input("x", [batch, cin, ...c.size]);
  const weightShape = [cout, cin / groups, ...k];
  const bias = c.bias ? g.parameter("bias", [cout]) : undefined;
  const common = { x, bias };
  if (kernels === undefined) {
    const operands = { ...common, weight: g.parameter("weight", weightShape) };
    const residual = c.residual ? g.input("residual", conv2d.shape(operands, attributes)) : undefined;
    return g.graph.apply(conv2d, "conv", { ...operands, residual }, attributes);
  }
  const weight = g.parameter("weight", [kernels, ...weightShape]);
  const operands = { ...common, weight, ...attentionsOfCase(g, c) };
  const residual = c.residual ? g.input("residual", dynamicConv2d.shape(operands, attributes)) : undefined;
  return g.graph.apply(dynamicConv2d, "odconv", { ...operands, residual }, attributes);
}

function buildPerSample(g: RandomGraph, c: ConvolutionCase): Value {
  const { batch = 1, cin, cout, k, groups = 1, activation = "none", perSample } = c;
  const attributes = { ...windowOfCase(c), activation };
  const given = g.input("weight", [batch, cout, cin / groups, ...k]);
  // sigmoid(0) is 0.5, so padding lanes are not 0.
  const weight = perSample === "computed" ? g.graph.apply(sigmoid, "weights", { x: given }, {}) : given;
  const bias = c.bias ? g.input("bias", [batch, cout]) : undefined;
  const operands = { x: g.input("x", [batch, cin, ...c.size]), weight, bias };
  const residual = c.residual ? g.input("residual", conv2d.shape(operands, attributes)) : undefined;
  return g.graph.apply(conv2d, "conv", { ...operands, residual }, attributes);
}

/**
 * Builds mix_kernels with all attentions of a case, and a convolution with the result. They are not fused, as after the
 * passes if other nodes read the mixed kernels.
 */
export function buildMixing(g: RandomGraph, c: ConvolutionCase): Value {
  const { cin, cout, k, groups = 1, kernels = 1, batch = 1, activation = "none" } = c;
  const weight = g.parameter("weight", [kernels, cout, cin / groups, ...k]);
  const x = g.input("x", [batch, cin, ...c.size]);
  const mixed = g.graph.apply(mixKernels, "mixed", { weight, ...attentionsOfCase(g, c) }, {});
  g.graph.output("mixed", mixed);
  return g.graph.apply(conv2d, "conv", { x, weight: mixed }, { ...windowOfCase(c), activation });
}
