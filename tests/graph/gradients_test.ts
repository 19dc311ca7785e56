/**
 * Tests gradient rules against finite differences in float64: the graph that autodiff appends must match the forward
 * pass.
 */

import { assert, assertEquals } from "@std/assert";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { Graph, type Operator, type Shape, size, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import type { Activation, Pair } from "../../src/graph/ops/shared.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { uniform } from "../support/random_weights.ts";

const TOLERANCE = 1e-6;
const STEP = 1e-4;

type Operands = Readonly<Record<string, Shape>>;
type Numbers = Record<string, Float64Array>;

/** A graph under test: what it differentiates by is every input but those named in `constants`. */
interface Case {
  readonly name: string;
  readonly graph: Graph;
  readonly output: Value;
  readonly given: Numbers;
  readonly constants?: readonly string[];
}

function numbers(name: string, shape: Shape, scale = 1, offset = 0): Float64Array {
  return Float64Array.from(uniform(name, shape, scale, offset));
}

/** One operator over inputs of those shapes. */
function single(op: Operator, operands: Operands, attributes: Record<string, unknown> = {}, scale = 1): Case {
  const graph = new Graph();
  const shapes = Object.entries(operands);
  const values = Object.fromEntries(shapes.map(([name, shape]) => [name, graph.input(name, shape)]));
  const name = `${op.name} ${JSON.stringify(operands)} ${JSON.stringify(attributes)}`;
  // Statistics and temperatures have to be positive.
  const given = Object.fromEntries(
    shapes.map(([operand, shape]) =>
      /var|temperature/i.test(operand)
        ? [operand, numbers(name + operand, shape, 0.5, 1.5)]
        : [operand, numbers(name + operand, shape, scale)]
    ),
  );
  return { name, graph, output: graph.apply(op, op.name, values, attributes), given };
}

/** The largest difference between gradients and central differences along random directions, relative to the largest. */
function gradientError({ name, graph, output, given, constants = [] }: Case, directions: number): number {
  const wrt = [...graph.inputs].filter(([input]) => !constants.includes(input));
  const upstream = graph.input("upstream", output.shape);
  const all: Numbers = { ...given, upstream: numbers(name, output.shape) };
  const gradients = appendGradients(graph, output, wrt.map(([, value]) => value), upstream);
  const analytic = interpret(graph, all, wrt.map(([, value]) => gradients.get(value)!));
  const loss = (changed: Numbers) => {
    const [y] = interpret(graph, { ...all, ...changed }, [output]);
    return y.reduce((sum, v, i) => sum + v * all.upstream[i], 0);
  };
  let worst = 0;
  wrt.forEach(([input, { shape }], at) => {
    const differences = [0];
    const slopes = [0];
    for (let k = 0; k < Math.min(directions, size(shape)); k++) {
      // Few elements: each by itself. Many: random directions, in which every element has a part.
      const direction = size(shape) <= directions
        ? Float64Array.from({ length: size(shape) }, (_, i) => i === k ? 1 : 0)
        : numbers(`${name}${input}${k}`, shape);
      const moved = (step: number) => ({ [input]: all[input].map((v, i) => v + step * direction[i]) });
      const slope = (loss(moved(STEP)) - loss(moved(-STEP))) / (2 * STEP);
      slopes.push(Math.abs(slope));
      differences.push(Math.abs(slope - direction.reduce((sum, d, i) => sum + d * analytic[at][i], 0)));
    }
    worst = Math.max(worst, Math.max(...differences) / (Math.max(...slopes) || 1));
  });
  return worst;
}

function check(c: Case, directions = 40): void {
  const error = gradientError(c, directions);
  assert(error <= TOLERANCE, `${c.name}: relative error ${error.toExponential(2)}`);
}

const one: Pair = [1, 1];

/** A convolution with bias; `kernels` makes it dynamic, `attentions` of "cfs" (the kernel attention comes with several). */
function convolution(c: {
  readonly cin: number;
  readonly cout: number;
  readonly groups: number;
  readonly batch?: number;
  readonly k?: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly kernels?: number;
  readonly attentions?: string;
  readonly activation?: Activation;
}): Case {
  const { cin, cout, groups, batch = 2, k = [3, 2], stride = one, padding = one, dilation = one } = c;
  const attributes = { stride, padding, dilation, groups, activation: c.activation ?? "none" };
  const weight = [cout, cin / groups, ...k];
  const operands: Record<string, Shape> = { x: [batch, cin, 5, 4], weight, bias: [cout] };
  if (c.activation) operands.residual = OPERATORS.conv2d.shape(tensors(operands), attributes);
  if (!c.kernels) return single(OPERATORS.conv2d, operands, attributes);
  operands.weight = [c.kernels, ...weight];
  const attentions = { c: ["channel", cin], f: ["filter", cout], s: ["spatial", size(k)] } as const;
  for (const letter of (c.attentions ?? "cfs") as Iterable<keyof typeof attentions>) {
    const [name, extent] = attentions[letter];
    operands[name] = [batch, extent];
  }
  if (c.kernels > 1) operands.kernel = [batch, c.kernels];
  return single(OPERATORS.dynamic_conv2d, operands, attributes);
}

/** Values of these shapes, for an operator's shape rule. */
function tensors(shapes: Operands): { x: Value; weight: Value } {
  const graph = new Graph();
  return { x: graph.input("x", shapes.x), weight: graph.input("weight", shapes.weight) };
}

const GROUPS = [
  { cin: 4, cout: 2, groups: 1 },
  { cin: 4, cout: 6, groups: 2 },
  { cin: 3, cout: 3, groups: 3, attentions: "cs" },
];

for (const kernels of [undefined, 1, 2, 4]) {
  const what = kernels ? `dynamic_conv2d of ${kernels} kernels` : "conv2d";
  Deno.test(`${what} has exact gradients for every groups x stride x padding x dilation x batch`, () => {
    for (const groups of GROUPS) {
      for (const stride of [one, [2, 1], [2, 2]] as Pair[]) {
        for (const padding of [[0, 0], [2, 1]] as Pair[]) {
          for (const dilation of [one, [2, 3]] as Pair[]) {
            for (const batch of [1, 3]) check(convolution({ ...groups, stride, padding, dilation, batch, kernels }), 2);
          }
        }
      }
    }
  });
}

Deno.test("dynamic_conv2d has exact gradients whatever attentions there are", () => {
  for (const kernels of [1, 2]) {
    for (const attentions of ["", "c", "f", "s", "cf", "cs", "fs"]) {
      check(convolution({ cin: 4, cout: 6, groups: 2, kernels, attentions }), 2);
    }
  }
});

Deno.test("conv2d has exact gradients to a weight and a bias of each sample", () => {
  for (const { cin, cout, groups } of GROUPS) {
    for (const batch of [1, 3]) {
      for (const [stride, dilation] of [[one, one], [[2, 1], one], [[2, 2], [2, 3]]] as Pair[][]) {
        const operands = { x: [batch, cin, 6, 5], weight: [batch, cout, cin / groups, 3, 2], bias: [batch, cout] };
        const attributes = { stride, padding: [1, 2], dilation, groups, activation: "none" };
        check(single(OPERATORS.conv2d, operands, attributes), 2);
      }
    }
  }
});

Deno.test("mix_kernels has exact gradients whatever attentions there are, alone and in a convolution", () => {
  const extents = { channel: 4, filter: 6, spatial: 6, kernel: 3 };
  const attributes = { stride: one, padding: one, dilation: one, groups: 2, activation: "none" } as const;
  for (const kernels of [1, 3]) {
    for (const letters of ["c", "f", "s", "cf", "cs", "fs", "cfs", kernels > 1 ? "" : "cfs"]) {
      const names = Object.keys(extents).filter((name) =>
        letters.includes(name[0]) || name === "kernel" && kernels > 1
      );
      const attentions = Object.fromEntries(names.map((name) => [name, [2, extents[name as keyof typeof extents]]]));
      const operands = { weight: [kernels, 6, 2, 3, 2], ...attentions };
      check(single(OPERATORS.mix_kernels, operands), 8);
      const c = single(OPERATORS.mix_kernels, operands);
      const x = c.graph.input("x", [2, 4, 4, 3]);
      const output = c.graph.apply(OPERATORS.conv2d, "conv", { x, weight: c.output }, attributes);
      check({ ...c, output, given: { ...c.given, x: numbers("x", x.shape) } }, 4);
    }
  }
});

Deno.test("convolutions have exact gradients through a fused residual and activation", () => {
  for (const activation of ["relu", "relu6"] as const) {
    for (const kernels of [undefined, 2]) check(convolution({ cin: 4, cout: 2, groups: 1, kernels, activation }), 2);
  }
});

const image: Shape = [2, 3, 4, 5];
const { relu, relu6, sigmoid, softmax, add, mul, linear, flatten, batch_norm, global_avg_pool, pad_channels } =
  OPERATORS;

function pool(op: Operator, kernelSize: Pair, stride: Pair, padding: Pair): Case {
  return single(op, { x: image }, { kernelSize, stride, padding });
}

/** The same value twice: gradients add up. */
function product(build: (graph: Graph, x: Value) => Value): Case {
  const graph = new Graph();
  const output = build(graph, graph.input("x", image));
  return { name: "a graph", graph, output, given: { x: numbers("x", image) } };
}

function crossEntropy(labelSmoothing: number): Case {
  const c = single(TRAINING_OPERATORS.cross_entropy, { logits: [3, 5], labels: [3] }, { labelSmoothing });
  return { ...c, given: { ...c.given, labels: Float64Array.of(4, 0, 2) }, constants: ["labels"] };
}

function batchNormTrain(x: Shape): Case {
  const graph = new Graph();
  const value = graph.input("x", x);
  const [weight, bias] = ["weight", "bias"].map((name) => graph.input(name, [x[1]]));
  const { channel_sum, channel_variance, batch_norm_train } = TRAINING_OPERATORS;
  const mean = graph.apply(channel_sum, "bn", { x: value }, { scale: x[1] / size(x) });
  const variance = graph.apply(channel_variance, "bn", { x: value, mean }, {});
  const output = graph.apply(batch_norm_train, "bn", { x: value, weight, bias, mean, variance }, { eps: 1e-5 });
  const given = Object.fromEntries([...graph.inputs].map(([name, { shape }]) => [name, numbers(name, shape, 1, 0.3)]));
  return { name: `batch_norm_train [${x}]`, graph, output, given };
}

const CASES: readonly (() => Case)[] = [
  () => single(relu, { x: image }),
  () => single(relu6, { x: image }, {}, 9),
  () => ({ ...single(sigmoid, { x: image, temperature: [1] }, {}, 3), constants: ["temperature"] }),
  () => single(sigmoid, { x: [3, 4] }),
  () => ({ ...single(softmax, { x: [3, 4], temperature: [1] }, {}, 3), constants: ["temperature"] }),
  () => single(softmax, { x: [3, 4] }),
  () => single(add, { a: image, b: image }),
  () => single(mul, { x: image, scale: image }),
  () => single(mul, { x: image, scale: [2, 3] }),
  () => single(mul, { x: image, scale: [3] }),
  () => single(mul, { x: [4, 3], scale: [3] }),
  () => pool(OPERATORS.max_pool2d, [3, 3], [2, 2], one),
  () => pool(OPERATORS.max_pool2d, [2, 3], one, [0, 1]),
  () => pool(OPERATORS.avg_pool2d, [3, 3], [2, 2], one),
  () => pool(OPERATORS.avg_pool2d, [1, 1], [2, 2], [0, 0]),
  () => single(global_avg_pool, { x: image }),
  () => single(linear, { x: [3, 5], weight: [4, 5], bias: [4] }, { activation: "none" }),
  () => single(linear, { x: [3, 5], weight: [4, 5, 1, 1] }, { activation: "relu6" }),
  () => ({
    ...single(linear, { x: [3, 5], weight: [4, 5], bias: [4], temperature: [1] }, { activation: "sigmoid" }),
    constants: ["temperature"],
  }),
  () => single(flatten, { x: image }),
  () => single(TRAINING_OPERATORS.unflatten, { x: [2, 60] }, { shape: image }),
  () => single(pad_channels, { x: image }, { before: 2, after: 1 }),
  () => single(TRAINING_OPERATORS.slice_channels, { x: image }, { start: 1, count: 2 }),
  () => single(TRAINING_OPERATORS.sum, { x: image }, { scale: 0.3 }),
  () => ({ ...single(TRAINING_OPERATORS.scale, { x: image, factor: [1] }), constants: ["factor"] }),
  () => single(TRAINING_OPERATORS.fill, { value: [1] }, { shape: image, scale: 0.3 }),
  () => ({
    ...single(batch_norm, { x: image, weight: [3], bias: [3], runningMean: [3], runningVar: [3] }, { eps: 1e-5 }),
    constants: ["runningMean", "runningVar"],
  }),
  () => batchNormTrain(image),
  () => batchNormTrain([5, 3]),
  () => crossEntropy(0),
  () => crossEntropy(0.1),
  () => product((g, x) => g.apply(mul, "square", { x, scale: x }, {})),
  () => product((g, x) => g.apply(add, "sum", { a: g.apply(relu, "relu", { x }, {}), b: x }, {})),
];

Deno.test("every other operator has an exact gradient", () => {
  for (const build of CASES) check(build());
});

Deno.test("every operator of a training graph that has no gradient rule is a backward or a bookkeeping one", () => {
  const ops: Record<string, Operator> = { ...OPERATORS, ...TRAINING_OPERATORS };
  const forward = Object.keys(ops).filter((name) => !name.endsWith("_grad") && !ops[name].gradient);
  assertEquals(forward, [
    "dropout",
    "conv2d_attention_products",
    "mix_kernels_products",
    "running_average",
    "channel_sum",
    "channel_variance",
    "pixel_sum",
    "sum_products",
    "dropout_mask",
    "sgd_velocity",
    "sgd_step",
    "squared_average",
    "adamw_step",
    "sum_squares",
    "total",
    "clip_factor",
    "accumulate",
    "gate",
  ]);
});
