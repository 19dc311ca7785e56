import { assertEquals } from "@std/assert";
import type { Operator, Shape, Value } from "../../src/graph/graph.ts";
import { dropoutMaskValues } from "../../src/graph/ops/dropout_mask.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";
import { assertInterpreted } from "./training_support.ts";

/** One operator with inputs of these shapes. The inputs are random, except for those in `given`. */
interface Case {
  readonly op: Operator;
  readonly operands: Readonly<Record<string, Shape>>;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly given?: Readonly<Record<string, readonly number[]>>;
}

const image: Shape = [5, 6, 5, 7];
const T = TRAINING_OPERATORS;

function pooling(k: number, stride: number, padding: number, [batch, channels, height, width] = image) {
  const out = (n: number) => Math.floor((n + 2 * padding - k) / stride) + 1;
  return {
    x: [batch, channels, height, width],
    gradient: [batch, channels, out(height), out(width)],
    attributes: { kernelSize: [k, k], stride: [stride, stride], padding: [padding, padding] },
    inputSize: [height, width],
  };
}

function maxPool(k: number, stride: number, padding: number, given?: Case["given"]): Case {
  const { x, gradient, attributes } = pooling(k, stride, padding);
  return { op: T.max_pool2d_grad, operands: { x, gradient }, attributes, given };
}

function avgPool(k: number, stride: number, padding: number): Case {
  const { gradient, attributes, inputSize } = pooling(k, stride, padding);
  return { op: T.avg_pool2d_grad, operands: { gradient }, attributes: { ...attributes, inputSize } };
}

function attentionGrad(to: string, n: number, cout: number, taps: number, others: readonly string[]): Case {
  const shapes = { filter: [5, cout], spatial: [5, taps], kernel: [5, n] };
  const operands = Object.fromEntries(Object.entries(shapes).filter(([name]) => others.includes(name)));
  return { op: T.attention_grad, operands: { products: [5, cout, n, taps], ...operands }, attributes: { to } };
}

/** The backward of mix_kernels; `letters` of "cfsk" say which attentions there are. */
function mixing(weight: Shape, groups: number, letters: string): Case[] {
  const [n, cout, inputs, kh, kw] = weight;
  const gradient = [3, cout, inputs, kh, kw];
  const shapes = { channel: [3, inputs * groups], filter: [3, cout], spatial: [3, kh * kw], kernel: [3, n] };
  const attentions = (some: string) =>
    Object.fromEntries(
      Object.entries(shapes).filter(([name]) => some.includes(name[0]) && letters.includes(name[0])),
    );
  return [
    {
      op: T.mix_kernels_weight_grad,
      operands: { gradient, ...attentions("cfsk") },
      attributes: { weightShape: weight },
    },
    {
      op: T.mix_kernels_channel_grad,
      operands: { gradient, weight, ...attentions("fsk") },
      attributes: { channels: inputs * groups },
    },
    { op: T.mix_kernels_products, operands: { gradient, weight, ...attentions("c") } },
  ];
}

function batchNorm(shape: Shape): Case[] {
  const channels = [shape[1]];
  const variance = Array.from({ length: shape[1] }, (_, c) => 0.2 + c / 3);
  const [x, gradient, given] = [shape, shape, { variance }];
  const eps = { eps: 1e-5 };
  const stats = { mean: channels, variance: channels };
  return [
    { op: T.batch_norm_train, operands: { x, weight: channels, bias: channels, ...stats }, attributes: eps, given },
    { op: T.batch_norm_weight_grad, operands: { x, gradient, ...stats }, attributes: eps, given },
    {
      op: T.batch_norm_input_grad,
      operands: { gradient, weight: channels, variance: channels },
      attributes: eps,
      given,
    },
    {
      op: T.batch_norm_input_grad,
      operands: { gradient, weight: channels, x, weightGradient: channels, biasGradient: channels, ...stats },
      attributes: eps,
      given,
    },
    { op: T.channel_sum, operands: { x }, attributes: { scale: 0.3 } },
    { op: T.channel_variance, operands: { x, mean: channels } },
    { op: T.sum_products, operands: { a: x, b: x }, attributes: { shape: channels } },
  ];
}

function crossEntropy(classes: number, labelSmoothing: number): Case[] {
  const logits = [5, classes];
  const common = { attributes: { labelSmoothing }, given: { labels: [0, classes - 1, 2, 1, 0] } };
  return [
    { op: T.cross_entropy, operands: { logits, labels: [5] }, ...common },
    { op: T.cross_entropy_grad, operands: { logits, labels: [5], gradient: [1] }, ...common },
  ];
}

function optimizerSteps(shape: Shape): Case[] {
  const step = { parameter: shape, gradient: shape };
  const sgd = { momentum: 0.9, weightDecay: 1e-2, nesterov: false };
  const second = Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => 0.1 + (i % 7) / 7);
  const scalars = { learningRate: [1], firstCorrection: [1], secondCorrection: [1] };
  return [
    { op: T.sgd_velocity, operands: { ...step, velocity: shape }, attributes: sgd },
    { op: T.sgd_step, operands: { ...step, learningRate: [1] }, attributes: { ...sgd, momentum: 0 } },
    { op: T.sgd_step, operands: { ...step, velocity: shape, learningRate: [1] }, attributes: sgd },
    {
      op: T.sgd_step,
      operands: { ...step, velocity: shape, learningRate: [1] },
      attributes: { ...sgd, nesterov: true },
    },
    { op: T.squared_average, operands: { moment: shape, gradient: shape }, attributes: { beta: 0.99 } },
    {
      op: T.adamw_step,
      operands: { parameter: shape, first: shape, second: shape, ...scalars },
      attributes: { weightDecay: 1e-2, eps: 1e-8 },
      given: { second, secondCorrection: [1.5] },
    },
    { op: T.sum_squares, operands: { x: shape } },
    { op: T.sum, operands: { x: shape }, attributes: { scale: 0.3 } },
    { op: T.accumulate, operands: { total: shape, gradient: shape, keep: [1] }, given: { keep: [0] } },
    { op: T.accumulate, operands: { total: shape, gradient: shape, keep: [1] } },
    { op: T.total, operands: { x0: shape, x1: [3], x2: [5, 7] } },
    ...[0, 1].flatMap((open): Case[] => {
      const [condition, given] = [[1], { condition: [open], second, secondCorrection: [1.5] }];
      return [
        { op: T.sgd_velocity, operands: { ...step, velocity: shape, condition }, attributes: sgd, given },
        { op: T.sgd_step, operands: { ...step, learningRate: [1], condition }, attributes: sgd, given },
        {
          op: T.squared_average,
          operands: { moment: shape, gradient: shape, condition },
          attributes: { beta: 0.9 },
          given,
        },
        {
          op: T.adamw_step,
          operands: { parameter: shape, first: shape, second: shape, ...scalars, condition },
          attributes: { weightDecay: 1e-2, eps: 1e-8 },
          given,
        },
        {
          op: T.running_average,
          operands: { running: shape, batch: shape, condition },
          attributes: { momentum: 0.1, correction: 1 },
          given,
        },
      ];
    }),
  ];
}

/** Numbers with many ties, most of them negative. */
const ties = Array.from({ length: 5 * 6 * 5 * 7 }, (_, i) => -1 - (i * 7 % 3));

const CASES: readonly Case[] = [
  ...batchNorm(image),
  ...batchNorm([5, 9]),
  // More pixels than an invocation sums.
  ...batchNorm([2, 3, 29, 31]),
  { op: T.running_average, operands: { running: [6], batch: [6] }, attributes: { momentum: 0.1, correction: 1.25 } },
  { op: T.sum_products, operands: { a: image, b: image }, attributes: { shape: [5, 6] } },
  { op: T.fill, operands: { value: [1] }, attributes: { shape: image, scale: 0.3 } },
  { op: T.scale, operands: { x: image, factor: [1] } },
  { op: T.elementwise_grad, operands: { y: image, gradient: image }, attributes: { of: "relu", to: "x" } },
  {
    op: T.elementwise_grad,
    operands: { y: [1, 6], gradient: [1, 6] },
    attributes: { of: "relu6", to: "x" },
    given: { y: [0, 6, 5.9, 0.1, 3, 6] },
  },
  { op: T.elementwise_grad, operands: { x: image, gradient: image }, attributes: { of: "silu", to: "x" } },
  {
    op: T.elementwise_grad,
    operands: { x: image, gradient: image },
    attributes: { of: "gelu", to: "x", approximate: "none" },
  },
  { op: T.pad_axis, operands: { x: image }, attributes: { dim: 1, before: 1, after: 2 } },
  { op: T.pad_axis, operands: { x: image }, attributes: { dim: 3, before: 2, after: 0 } },
  { op: T.max_to_size_grad, operands: { x: image, gradient: [5, 1, 5, 7] } },
  { op: T.max_to_size_grad, operands: { x: image, gradient: [5, 6, 1, 1] }, given: { x: ties } },
  ...["nearest", "bilinear", "area"].map((mode): Case => ({
    op: T.interpolate_grad,
    operands: { gradient: [5, 6, 9, 4] },
    attributes: { mode, size: [9, 4], alignCorners: false, inputSize: [5, 7] },
  })),
  { op: T.sigmoid_grad, operands: { y: [5, 7], gradient: [5, 7] } },
  { op: T.sigmoid_grad, operands: { y: [5, 7], gradient: [5, 7], temperature: [1] }, given: { temperature: [30] } },
  { op: T.softmax_grad, operands: { y: [5, 7], gradient: [5, 7] } },
  { op: T.softmax_grad, operands: { y: [2, 4], gradient: [2, 4], temperature: [1] }, given: { temperature: [30] } },
  ...([[5, 7, 10], [2, 33, 9], [1, 4, 1]] as const).flatMap(([batch, i, o]): Case[] => [
    { op: T.linear_input_grad, operands: { gradient: [batch, o], weight: [o, i] } },
    { op: T.linear_input_grad, operands: { gradient: [batch, o], weight: [o, i, 1, 1] } },
    {
      op: T.linear_weight_grad,
      operands: { x: [batch, i], gradient: [batch, o] },
      attributes: { weightShape: [o, i] },
    },
  ]),
  maxPool(3, 2, 1),
  maxPool(2, 1, 0),
  maxPool(3, 2, 1, { x: ties }),
  maxPool(1, 2, 0),
  avgPool(3, 2, 1),
  avgPool(2, 2, 0),
  avgPool(1, 2, 0),
  { op: T.global_avg_pool_grad, operands: { gradient: [5, 6] }, attributes: { inputSize: [5, 7] } },
  { op: T.unflatten, operands: { x: [5, 210] }, attributes: { shape: image } },
  { op: T.unflatten, operands: { x: [5, 6] }, attributes: { shape: [5, 6, 1, 1] } },
  { op: T.slice_channels, operands: { x: image }, attributes: { start: 1, count: 3 } },
  { op: T.slice_channels, operands: { x: image }, attributes: { start: 4, count: 2 } },
  attentionGrad("filter", 4, 10, 9, ["spatial", "kernel"]),
  attentionGrad("spatial", 4, 10, 9, ["filter", "kernel"]),
  attentionGrad("kernel", 5, 10, 9, ["filter", "spatial"]),
  attentionGrad("filter", 1, 8, 1, []),
  attentionGrad("spatial", 1, 6, 9, ["filter"]),
  attentionGrad("kernel", 2, 6, 1, ["filter"]),
  ...mixing([4, 8, 4, 3, 3], 2, "cfsk"),
  ...mixing([5, 6, 3, 3, 2], 1, "cfsk"),
  ...mixing([1, 9, 2, 3, 3], 3, "cfs"),
  ...mixing([2, 6, 1, 3, 3], 6, "csk"),
  ...mixing([3, 10, 7, 1, 1], 1, "k"),
  { op: T.pixel_sum, operands: { x: image } },
  { op: T.pixel_sum, operands: { x: [2, 5, 29, 31] } },
  ...crossEntropy(10, 0),
  ...crossEntropy(7, 0.1),
  ...optimizerSteps([7]),
  ...optimizerSteps([6, 5, 3, 3]),
  ...optimizerSteps([2, 6, 5, 3, 3]),
  { op: T.clip_factor, operands: { squares: [1] }, attributes: { maxNorm: 1.5 }, given: { squares: [9] } },
  { op: T.clip_factor, operands: { squares: [1] }, attributes: { maxNorm: 1.5 }, given: { squares: [2] } },
  { op: T.gate, operands: { open: [1], x: [1] } },
  { op: T.gate, operands: { open: [1], x: [1] }, given: { x: [NaN] } },
  { op: T.gate, operands: { open: [1], x: [1] }, given: { x: [-Infinity] } },
];

function build({ op, operands, attributes = {}, given = {} }: Case): RandomGraph {
  const g = new RandomGraph();
  const values: Record<string, Value> = {};
  for (const [name, shape] of Object.entries(operands)) {
    values[name] = g.input(name, shape);
    if (given[name]) g.inputs[name] = Float32Array.from(given[name]);
  }
  g.graph.output("y", g.graph.apply(op, op.name, values, attributes));
  return g;
}

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`training operators agree with float64 loops when operands are read from a ${operands}`, async () => {
    await withWebGpu({ operands }, async (backend) => {
      for (const c of CASES) {
        const name = `${c.op.name} ${JSON.stringify(c.operands)} ${JSON.stringify(c.attributes)}`;
        await assertInterpreted(backend, name, build(c), 5e-6);
      }
    });
  });
}

Deno.test("dropout_mask is dropoutMaskValues() to the last bit", async () => {
  await withWebGpu({}, async (backend) => {
    for (const [shape, p] of [[[5, 6, 5, 7], 0.2], [[3, 10], 0.5], [[7], 0], [[2, 3, 4, 5], 0.999]] as const) {
      const attributes = { shape, p, salt: 0xdeadbeef };
      const g = new RandomGraph();
      const [seed, step] = ["seed", "step"].map((name) => g.input(name, [1]));
      const mask = g.graph.apply(T.dropout_mask, "mask", { seed, step }, attributes);
      g.graph.output("mask", mask);
      const executable = await backend.compile(g.graph);
      const [count] = [shape.reduce((a: number, b: number) => a * b, 1)];
      for (const [seed, step] of [[0, 0], [2 ** 24 - 1, 77], [12345, 2 ** 24 - 1]]) {
        const answer = await executable.run({ seed: Float32Array.of(seed), step: Float32Array.of(step) });
        const expected = Float32Array.from(dropoutMaskValues(seed, step, attributes, count));
        assertEquals(answer.mask, expected);
      }
    }
  });
});

Deno.test("training operators are all tested", () => {
  const tested = new Set(CASES.map(({ op }) => op.name));
  const elsewhere = ["conv2d_input_grad", "conv2d_weight_grad", "conv2d_attention_products", "dropout_mask"];
  assertEquals(Object.keys(TRAINING_OPERATORS).filter((name) => !tested.has(name)), elsewhere);
});
