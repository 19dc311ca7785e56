/** Uses every operator that only training graphs have, with odd shapes and all options, to compare executors. */

import { type Operands, type Shape, size } from "../../src/graph/graph.ts";
import type { Tensors } from "../../src/graph/backend.ts";
import { Graph, type Operator } from "../../src/graph/graph.ts";
import type { Pair } from "../../src/graph/ops/shared.ts";
import { TRAINING_OPERATORS, type TrainingOperatorName } from "../../src/graph/ops/training.ts";
import { uniform } from "./random_weights.ts";

/** One use of an operator. */
export interface TrainingCase {
  /** The operator and the special feature of this case. */
  readonly name: string;
  readonly op: TrainingOperatorName;
  readonly operands: Readonly<Record<string, Shape>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Numbers of the operands that cannot be random. */
  readonly given?: Readonly<Record<string, readonly number[]>>;
}

/** Returns a graph of one node with the output "y", and its inputs for a run. */
export function trainingGraph({ name, op, operands, attributes, given = {} }: TrainingCase): {
  graph: Graph;
  inputs: Tensors;
} {
  const graph = new Graph();
  const inputs: Tensors = {};
  const values: Record<string, Operands[string]> = {};
  for (const [operand, shape] of Object.entries(operands)) {
    const positive = /variance|temperature|second|squares/.test(operand);
    inputs[operand] = given[operand]
      ? Float32Array.from(given[operand])
      : uniform(`${name}.${operand}`, shape, positive ? 0.5 : 1, positive ? 1.5 : 0);
    values[operand] = graph.input(operand, shape);
  }
  graph.output("y", graph.apply(TRAINING_OPERATORS[op] as Operator, name, values, attributes));
  return { graph, inputs };
}

function add(op: TrainingOperatorName, what: string, operands: TrainingCase["operands"], attributes = {}, given = {}) {
  CASES.push({ name: `${op}, ${what}`, op, operands, attributes, given });
}

/** A convolution for which all three contractions are tested. */
interface Convolution {
  readonly image: Shape;
  readonly cout: number;
  readonly groups: number;
  readonly kernelSize?: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  /** Absent for static weights. */
  readonly kernels?: number;
  /** A part of "cfsk". Default: all that are possible. */
  readonly attentions?: string;
}

const ATTENTIONS = { c: "channel", f: "filter", s: "spatial", k: "kernel" } as const;

function addConvolution(c: Convolution): void {
  const { image: [batch, cin, h, w], cout, groups, kernels: n } = c;
  const { kernelSize = [3, 2], stride = [1, 1], padding = [0, 0], dilation = [1, 1] } = c;
  const window = { stride, padding, dilation, groups };
  const extent = (size: number, i: 0 | 1) =>
    Math.floor((size + 2 * padding[i] - dilation[i] * (kernelSize[i] - 1) - 1) / stride[i]) + 1;
  const [x, gradient] = [[batch, cin, h, w], [batch, cout, extent(h, 0), extent(w, 1)]];
  const each = [cout, cin / groups, ...kernelSize];
  const weight = n ? [n, ...each] : each;
  const extents = { c: cin, f: cout, s: size(kernelSize), k: n ?? 1 };
  const attentions = (letters: string) =>
    Object.fromEntries([...letters].flatMap((letter) => {
      const key = letter as keyof typeof ATTENTIONS;
      const there = n && (c.attentions ?? "cfsk").includes(letter);
      return there ? [[ATTENTIONS[key], [batch, extents[key]]]] : [];
    }));
  const what = JSON.stringify(c);
  add("conv2d_input_grad", what, { gradient, weight, ...attentions("fsk") }, { ...window, inputSize: [h, w] });
  add("conv2d_weight_grad", what, { x, gradient, ...attentions("cfsk") }, { ...window, weightShape: weight });
  if (n) add("conv2d_attention_products", what, { x, gradient, weight, ...attentions("c") }, window);
}

const CASES: TrainingCase[] = [];
const image: Shape = [2, 3, 7, 6];

for (const [cin, cout, groups] of [[4, 5, 1], [4, 6, 2], [3, 3, 3], [3, 6, 3]]) {
  for (const stride of [[1, 1], [2, 1], [2, 2]] as Pair[]) {
    for (const [padding, dilation] of [[[0, 0], [1, 1]], [[2, 1], [1, 1]], [[2, 3], [2, 3]]] as Pair[][]) {
      for (const batch of [2, 5]) {
        for (const kernels of [undefined, 1, 2, 4]) {
          addConvolution({ image: [batch, cin, 7, 6], cout, groups, stride, padding, dilation, kernels });
        }
      }
    }
  }
}
for (const attentions of ["k", "ck", "fk", "sk", "cfk", "csk", "fsk"]) {
  addConvolution({ image: [3, 4, 5, 5], cout: 6, groups: 2, kernels: 2, attentions });
}
for (const attentions of ["", "c", "f", "s", "cf", "cs", "fs"]) {
  addConvolution({ image: [3, 4, 5, 5], cout: 6, groups: 1, kernels: 1, attentions });
}
for (const kernels of [3, 5]) addConvolution({ image: [2, 4, 5, 5], cout: 6, groups: 2, kernels });
for (const kernels of [undefined, 1, 4]) {
  addConvolution({ image: [3, 5, 7, 6], cout: 9, groups: 1, kernelSize: [1, 1], kernels });
  addConvolution({ image: [2, 5, 7, 6], cout: 9, groups: 1, kernelSize: [1, 1], stride: [2, 2], kernels });
}
addConvolution({ image: [2, 3, 17, 19], cout: 33, groups: 1, kernelSize: [7, 7], stride: [2, 2], padding: [3, 3] });
// More patches than fit in one buffer.
addConvolution({ image: [3, 32, 80, 80], cout: 1, groups: 1, kernelSize: [3, 3], padding: [1, 1] });

for (const [cin, cout, groups] of [[4, 5, 1], [8, 8, 2], [4, 6, 2], [6, 8, 1], [5, 5, 5], [3, 6, 3]]) {
  for (const [k, stride, dilation] of [[[3, 2], [1, 1], [1, 1]], [[3, 3], [2, 2], [1, 2]], [[1, 1], [1, 2], [1, 1]]]) {
    for (const batch of [1, 3]) {
      const extent = (size: number, i: 0 | 1) => Math.floor((size + 2 - dilation[i] * (k[i] - 1) - 1) / stride[i]) + 1;
      const x = [batch, cin, 7, 6], gradient = [batch, cout, extent(7, 0), extent(6, 1)];
      const weight = [batch, cout, cin / groups, ...k];
      const attributes = { stride, padding: [1, 1], dilation, groups };
      const what = `a weight for each sample, ${JSON.stringify({ x, cout, groups, k, stride, dilation })}`;
      add("conv2d_input_grad", what, { gradient, weight }, { ...attributes, inputSize: [7, 6] });
      add("conv2d_weight_grad", what, { x, gradient }, { ...attributes, weightShape: weight });
    }
  }
}
for (const [inputs, cout, groups] of [[4, 5, 1], [2, 6, 3], [1, 6, 6], [5, 8, 2]]) {
  for (const [n, letters] of [[1, "cfs"], [4, "cfsk"], [5, "k"], [1, "f"], [2, "sk"], [2, "ck"]] as const) {
    const extents = { c: inputs * groups, f: cout, s: 6, k: n };
    const attentions = (some: string) =>
      Object.fromEntries(
        [...some].filter((letter) => letters.includes(letter)).map((letter) => {
          const key = letter as keyof typeof ATTENTIONS;
          return [ATTENTIONS[key], [3, extents[key]]];
        }),
      );
    const weight = [n, cout, inputs, 3, 2], gradient = [3, cout, inputs, 3, 2];
    const what = `${weight.join("x")}, ${groups} groups, ${letters}`;
    add("mix_kernels_weight_grad", what, { gradient, ...attentions("cfsk") }, { weightShape: weight });
    add("mix_kernels_products", what, { gradient, weight, ...attentions("c") });
    const channels = { channels: inputs * groups };
    add("mix_kernels_channel_grad", what, { gradient, weight, ...attentions("fsk") }, channels);
  }
}
add("pixel_sum", "7x6", { x: image });
add("pixel_sum", "of more pixels than a piece", { x: [2, 5, 31, 33] });

for (const to of ["filter", "spatial", "kernel"] as const) {
  const scales = { filter: [2, 5], spatial: [2, 6], kernel: [2, 3] };
  add("attention_grad", `to ${to}, alone`, { products: [2, 5, 3, 6] }, { to });
  const others = Object.fromEntries(Object.entries(scales).filter(([name]) => name !== to));
  add("attention_grad", `to ${to}`, { products: [2, 5, 3, 6], ...others }, { to });
}

for (const x of [image, [5, 3]]) {
  const what = `${x.length}-D`, eps = 1e-5, c = [3];
  add("batch_norm_train", what, { x, weight: c, bias: c, mean: c, variance: c }, { eps });
  add("batch_norm_weight_grad", what, { x, gradient: x, mean: c, variance: c }, { eps });
  add("batch_norm_input_grad", `${what}, constant statistics`, { gradient: x, weight: c, variance: c }, { eps });
  const own = { x, mean: c, weightGradient: c, biasGradient: c };
  add("batch_norm_input_grad", `${what}, own statistics`, { gradient: x, weight: c, variance: c, ...own }, { eps });
  add("channel_sum", what, { x }, { scale: 0.3 });
  add("channel_variance", what, { x, mean: c });
  add("sum_products", `${what} by channel`, { a: x, b: x }, { shape: c });
  add("sum", what, { x }, { scale: 0.3 });
  add("sum_squares", what, { x });
  add("total", what, { x0: x, x1: [1], x2: c });
  add("fill", what, { value: [1] }, { shape: x, scale: 0.3 });
  add("scale", what, { x, factor: [1] });
}
add("sum_products", "by sample and channel", { a: image, b: image }, { shape: [2, 3] });
add("running_average", "momentum 0.1", { running: [7], batch: [7] }, { momentum: 0.1, correction: 8 / 7 });

const kinks = [-1, 0, 0.5, 5.5, 6, 0];
for (const name of ["relu", "relu6"]) {
  add("elementwise_grad", name, { y: [2, 3], gradient: [2, 3] }, { of: name, to: "x" }, { y: kinks });
}
for (const shape of [image, [2, 3]]) {
  for (const name of ["relu", "relu6", "exp", "tanh"]) {
    add("elementwise_grad", `${name}, ${shape.length}-D`, { y: shape, gradient: shape }, { of: name, to: "x" });
  }
  for (const name of ["silu", "hardsigmoid", "hardswish"]) {
    add("elementwise_grad", `${name}, ${shape.length}-D`, { x: shape, gradient: shape }, { of: name, to: "x" });
  }
}
add("elementwise_grad", "affine", { gradient: image }, { of: "affine", to: "x", factor: -1.5, shift: 2 });
add("elementwise_grad", "sqrt", { y: [2, 3], gradient: [2, 3] }, { of: "sqrt", to: "x" }, { y: [1, 2, 3, 4, 5, 6] });
for (const approximate of ["none", "tanh"]) {
  add("elementwise_grad", `gelu ${approximate}`, { x: image, gradient: image }, { of: "gelu", to: "x", approximate });
}
add("elementwise_grad", "leaky_relu", { x: image, gradient: image }, { of: "leaky_relu", to: "x", negativeSlope: 0.2 });
add("elementwise_grad", "sub", { gradient: image }, { of: "sub", to: "b" });
for (const b of [image, [2, 3, 1, 1], [2, 1, 7, 6]]) {
  const given = { b: Array.from({ length: size(b) }, (_, i) => 1 + i % 5) };
  add("elementwise_grad", `div to a, ${b}`, { gradient: image, b }, { of: "div", to: "a" }, given);
  add("elementwise_grad", `div to b, ${b}`, { gradient: image, b, y: image }, { of: "div", to: "b" }, given);
}
for (const [dim, before, after] of [[0, 1, 0], [1, 1, 3], [2, 0, 2], [3, 2, 1]]) {
  add("pad_axis", `axis ${dim}`, { x: image }, { dim, before, after });
}
add("pad_axis", "2-D", { x: [2, 5] }, { dim: 1, before: 3, after: 0 });
for (const gradient of [[2, 3, 1, 1], [2, 1, 7, 6], [1, 1, 1, 1], [1, 3, 7, 1]]) {
  add("max_to_size_grad", `${gradient}`, { x: image, gradient });
  add("max_to_size_grad", `${gradient} of equal numbers`, { x: image, gradient }, {}, {
    x: Array.from({ length: size(image) }, (_, i) => -(i % 2)),
  });
}
for (const mode of ["nearest", "bilinear", "area"]) {
  for (const output of [[14, 12], [3, 4]]) {
    const attributes = { mode, size: output, alignCorners: false, inputSize: [7, 6] };
    add("interpolate_grad", `${mode} from ${output}`, { gradient: [2, 3, ...output] }, attributes);
  }
}
for (const temperature of [{}, { temperature: [1] }] as Record<string, Shape>[]) {
  const what = `${Object.keys(temperature).length} temperatures`;
  add("sigmoid_grad", what, { y: [3, 5], gradient: [3, 5], ...temperature });
  add("softmax_grad", what, { y: [3, 5], gradient: [3, 5], ...temperature });
}
for (const weight of [[6, 7], [6, 7, 1, 1]]) {
  add("linear_input_grad", `${weight.length}-D weight`, { gradient: [5, 6], weight });
  add("linear_weight_grad", `${weight.length}-D weight`, { x: [5, 7], gradient: [5, 6] }, { weightShape: weight });
}

for (
  const [kernelSize, stride, padding, output] of [
    [[3, 3], [2, 2], [1, 1], [4, 3]],
    [[2, 3], [1, 2], [0, 1], [6, 3]],
    [[1, 1], [2, 2], [0, 0], [4, 3]],
  ]
) {
  const pool = { kernelSize, stride, padding }, gradient = [2, 3, ...output], what = JSON.stringify(pool);
  add("max_pool2d_grad", what, { x: image, gradient }, pool);
  add("max_pool2d_grad", `${what} of equal numbers`, { x: image, gradient }, pool, {
    x: Array.from({ length: size(image) }, (_, i) => -(i % 2)),
  });
  add("avg_pool2d_grad", what, { gradient }, { ...pool, inputSize: [7, 6] });
}
add("global_avg_pool_grad", "7x6", { gradient: [2, 3] }, { inputSize: [7, 6] });
add("unflatten", "4-D", { x: [2, 126] }, { shape: image });
add("unflatten", "2-D", { x: [2, 5] }, { shape: [2, 5] });
add("slice_channels", "the second", { x: image }, { start: 1, count: 1 });
add("slice_channels", "the last two", { x: image }, { start: 1, count: 2 });

for (const [p, shape] of [[0.2, [3, 7]], [0, [5]], [0.5, image]] as const) {
  const numbers = { seed: [2 ** 24 - 1], step: [12345] };
  add("dropout_mask", `p ${p}`, { seed: [1], step: [1] }, { shape, p, salt: 0xdeadbeef }, numbers);
}
for (const labelSmoothing of [0, 0.1]) {
  const given = { labels: [4, 0, 2] };
  const operands = { logits: [3, 5], labels: [3] };
  add("cross_entropy", `smoothing ${labelSmoothing}`, operands, { labelSmoothing }, given);
  add("cross_entropy_grad", `smoothing ${labelSmoothing}`, { ...operands, gradient: [1] }, { labelSmoothing }, given);
}
add("cross_entropy", "huge logits", { logits: [1, 3], labels: [1] }, { labelSmoothing: 0 }, {
  logits: [1000, 999, 950],
  labels: [1],
});

for (const shape of [[5], [2, 3, 4, 2, 1]]) {
  const what = `${shape.length}-D`, one = [1];
  const step = { parameter: shape, gradient: shape };
  const sgd = { momentum: 0.9, weightDecay: 1e-2 };
  add("sgd_velocity", what, { ...step, velocity: shape }, sgd);
  add("sgd_step", `${what}, plain`, { ...step, learningRate: one }, { ...sgd, nesterov: false });
  for (const nesterov of [false, true]) {
    const operands = { ...step, velocity: shape, learningRate: one };
    add("sgd_step", `${what}, momentum${nesterov ? ", nesterov" : ""}`, operands, { ...sgd, nesterov });
  }
  add("squared_average", what, { moment: shape, gradient: shape }, { beta: 0.999 });
  const scalars = { learningRate: one, firstCorrection: one, secondCorrection: one };
  const adamw = { weightDecay: 1e-2, eps: 1e-8 };
  add("adamw_step", what, { parameter: shape, first: shape, second: shape, ...scalars }, adamw);
  for (const open of [0, 1]) {
    const given = { condition: [open] };
    const guarded = (op: TrainingOperatorName, operands: TrainingCase["operands"], attributes: object) =>
      add(op, `${what}, condition ${open}`, { ...operands, condition: one }, attributes, given);
    guarded("sgd_velocity", { ...step, velocity: shape }, sgd);
    guarded("sgd_step", { ...step, velocity: shape, learningRate: one }, { ...sgd, nesterov: true });
    guarded("squared_average", { moment: shape, gradient: shape }, { beta: 0.999 });
    guarded("adamw_step", { parameter: shape, first: shape, second: shape, ...scalars }, adamw);
    guarded("running_average", { running: shape, batch: shape }, { momentum: 0.1, correction: 1 });
    add("accumulate", `${what}, ${open}`, { total: shape, gradient: shape, keep: one }, {}, { keep: [open] });
  }
}
for (const squares of [0, 4, 1e6]) {
  add("clip_factor", `${squares}`, { squares: [1] }, { maxNorm: 2 }, { squares: [squares] });
}
for (const x of [3, NaN, Infinity]) add("gate", `${x}`, { open: [1], x: [1] }, {}, { x: [x] });

/** The cases. Every training operator has at least one. */
export const TRAINING_CASES: readonly TrainingCase[] = CASES;
