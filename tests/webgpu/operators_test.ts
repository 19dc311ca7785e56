import { assertEquals } from "@std/assert";
import type { Operator, Shape, Value } from "../../src/graph/graph.ts";
import { BINARY_OPERATORS, UNARY_OPERATORS } from "../../src/graph/ops/elementwise/mod.ts";
import { type OperatorName, OPERATORS } from "../../src/graph/ops/mod.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { assertParity, withWebGpu } from "./support.ts";

/** Builds one operator with random tensors. */
type Case = readonly [name: string, build: (g: RandomGraph) => Value];

const { relu, relu6, sigmoid, softmax, add, mul, linear, flatten, dropout } = OPERATORS;
const image: Shape = [5, 6, 5, 7];

function pool(op: "max_pool2d" | "avg_pool2d", k: number, stride: number, padding: number, shape = image): Case {
  return [
    `${op} ${k}x${k} stride ${stride} padding ${padding}`,
    (g) =>
      g.graph.apply(OPERATORS[op], "pool", { x: g.input("x", shape) }, {
        kernelSize: [k, k],
        stride: [stride, stride],
        padding: [padding, padding],
      }),
  ];
}

function dense(batch: number, i: number, o: number, activation: "none" | "relu" | "relu6" | "sigmoid"): Case {
  return [`linear ${i} to ${o}, batch ${batch}, ${activation}`, (g) =>
    g.graph.apply(linear, "linear", {
      x: g.input("x", [batch, i]),
      weight: g.parameter("weight", activation === "none" ? [o, i, 1, 1] : [o, i]),
      bias: activation === "relu6" ? undefined : g.parameter("bias", [o]),
      temperature: activation === "sigmoid" ? g.graph.input("t", [1], new Float32Array([3])) : undefined,
    }, { activation })];
}

function scaled(x: Shape, scale: Shape): Case {
  return [`mul [${x}] by [${scale}]`, (g) =>
    g.graph.apply(mul, "mul", {
      x: g.input("x", x),
      scale: scale.length === 1 ? g.parameter("scale", scale) : g.input("scale", scale),
    }, {})];
}

function normalised(shape: Shape): Case {
  return [`batch_norm [${shape}]`, (g) => {
    const [, c] = shape;
    return g.graph.apply(OPERATORS.batch_norm, "bn", {
      x: g.input("x", shape),
      weight: g.parameter("weight", [c]),
      bias: g.parameter("bias", [c]),
      runningMean: g.parameter("mean", [c]),
      runningVar: g.parameter("var", [c], (v) => 1.1 + v),
    }, { eps: 1e-5 });
  }];
}

function padded(before: number, after: number): Case {
  return [
    `pad_channels ${before} ${after}`,
    (g) => g.graph.apply(OPERATORS.pad_channels, "pad", { x: g.input("x", image) }, { before, after }),
  ];
}

/** An operator over random inputs of those shapes. */
function simple(name: OperatorName, shapes: readonly Shape[], attributes: Record<string, unknown> = {}): Case {
  const op = OPERATORS[name] as Operator;
  return [`${name} ${JSON.stringify(shapes)} ${JSON.stringify(attributes)}`, (g) => {
    const names = OPERANDS[name] ?? shapes.map((_, i) => `x${i}`);
    return g.graph.apply(
      op,
      name,
      Object.fromEntries(shapes.map((s, i) => [names[i], g.input(names[i], s)])),
      attributes,
    );
  }];
}

/** What operators of the table call their operands. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.keys(UNARY_OPERATORS).map((name) => [name, ["x"]])),
  ...Object.fromEntries(Object.keys(BINARY_OPERATORS).map((name) => [name, ["a", "b"]])),
  mul: ["x", "scale"],
  bmm: ["a", "b"],
  conv_transpose2d: ["x", "weight"],
  ...Object.fromEntries(
    ["interpolate", "expand", "sum_to_size", "max_to_size", "reshape", "permute", "narrow"].map((
      name,
    ) => [name, ["x"]]),
  ),
};

/** Shapes that a two-operand elementwise operator repeats, and one that it does not. */
const REPEATED: readonly Shape[] = [image, [5, 6, 1, 1], [1, 6, 1, 1], [1, 1, 1, 1], [5, 1, 5, 7], [1, 6, 5, 1]];

/** A division by numbers from 1 up. */
function divided(by: Shape): Case {
  return [`div by [${by}]`, (g) => {
    const b = g.graph.apply(OPERATORS.affine, "b", { x: g.input("b", by) }, { factor: 0.5, shift: 2 });
    return g.graph.apply(OPERATORS.div, "div", { a: g.input("a", image), b }, {});
  }];
}

const plain = { stride: [2, 2], padding: [0, 0], dilation: [1, 1], groups: 1, outputPadding: [0, 0] };

const CASES: readonly Case[] = [
  ...(["exp", "tanh", "silu", "hardsigmoid", "hardswish"] as const).map((op) => simple(op, [image])),
  simple("affine", [image], { factor: -2, shift: 0.5 }),
  simple("gelu", [image], { approximate: "none" }),
  simple("gelu", [image], { approximate: "tanh" }),
  simple("leaky_relu", [image], { negativeSlope: 0.2 }),
  ["sqrt of positive numbers", (g) => {
    const x = g.graph.apply(OPERATORS.affine, "x", { x: g.input("x", image) }, { factor: 0.5, shift: 2 });
    return g.graph.apply(OPERATORS.sqrt, "sqrt", { x }, {});
  }],
  ...(["add", "sub", "mul"] as const).flatMap((op) => REPEATED.map((shape) => simple(op, [image, shape]))),
  ...REPEATED.map(divided),
  simple("bmm", [[2, 5, 7], [2, 7, 6]]),
  simple("conv_transpose2d", [[2, 5, 3, 4], [5, 6, 2, 2]], plain),
  simple("conv_transpose2d", [[2, 4, 5, 5], [4, 8, 3, 3]], { ...plain, stride: [1, 1], padding: [1, 1] }),
  ...["nearest", "bilinear", "area"].map((mode) =>
    simple("interpolate", [image], { mode, size: [8, 3], alignCorners: false })
  ),
  ...[[5, 6, 1, 1], [1, 6, 1, 1], [5, 1, 5, 7]].flatMap((small) => [
    simple("expand", [small], { shape: image, scale: 0.5 }),
    simple("sum_to_size", [image], { shape: small, scale: 0.5 }),
    simple("max_to_size", [image], { shape: small }),
  ]),
  simple("reshape", [image], { shape: [5, 2, 3, 5, 7] }),
  simple("reshape", [image], { shape: [5, 6, 35] }),
  simple("permute", [image], { dims: [0, 2, 3, 1] }),
  simple("narrow", [image], { dim: 1, start: 1, length: 3 }),
  simple("concat", [image, [5, 3, 5, 7], [5, 1, 5, 7]], { dim: 1 }),
  ["relu", (g) => g.graph.apply(relu, "relu", { x: g.input("x", image) }, {})],
  ["relu6", (g) => {
    const ten = g.graph.apply(mul, "ten", { x: g.input("x", image), scale: g.parameter("s", [6], () => 10) }, {});
    return g.graph.apply(relu6, "relu6", { x: ten }, {});
  }],
  ["sigmoid", (g) => g.graph.apply(sigmoid, "sigmoid", { x: g.input("x", [5, 3]) }, {})],
  [
    "sigmoid with temperature",
    (g) => g.graph.apply(sigmoid, "sigmoid", { x: g.input("x", image), temperature: g.input("t", [1]) }, {}),
  ],
  ["softmax", (g) => g.graph.apply(softmax, "softmax", { x: g.input("x", [5, 4]) }, {})],
  [
    "softmax of 7 with temperature",
    (g) => g.graph.apply(softmax, "softmax", { x: g.input("x", [1, 7]), temperature: g.input("t", [1]) }, {}),
  ],
  ["softmax of 1", (g) => g.graph.apply(softmax, "softmax", { x: g.input("x", [2, 1]) }, {})],
  ["add", (g) => g.graph.apply(add, "add", { a: g.input("a", image), b: g.input("b", image) }, {})],
  scaled(image, image),
  scaled(image, [5, 6]),
  scaled(image, [6]),
  scaled([5, 7], [7]),
  scaled([5, 7], [5, 7]),
  normalised(image),
  normalised([5, 9]),
  pool("max_pool2d", 3, 2, 1),
  pool("max_pool2d", 2, 1, 0),
  pool("avg_pool2d", 3, 2, 1),
  pool("avg_pool2d", 2, 2, 0, [1, 3, 4, 4]),
  ["global_avg_pool", (g) => g.graph.apply(OPERATORS.global_avg_pool, "pool", { x: g.input("x", image) }, {})],
  [
    "global_avg_pool of one pixel",
    (g) => g.graph.apply(OPERATORS.global_avg_pool, "pool", { x: g.input("x", [1, 5, 1, 1]) }, {}),
  ],
  dense(1, 16, 1, "relu"),
  dense(5, 7, 10, "none"),
  dense(2, 33, 9, "sigmoid"),
  dense(5, 6, 4, "relu6"),
  ["flatten of an image", (g) => g.graph.apply(flatten, "flatten", { x: g.input("x", image) }, {})],
  ["flatten of one pixel", (g) => g.graph.apply(flatten, "flatten", { x: g.input("x", [5, 6, 1, 1]) }, {})],
  ["dropout", (g) => g.graph.apply(dropout, "dropout", { x: g.input("x", [5, 6]) }, { p: 0.5 })],
  padded(8, 8),
  padded(3, 2),
  padded(0, 6),
];

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`operators agree with float64 loops when operands are read from a ${operands}`, async () => {
    await withWebGpu({ operands }, async (backend) => {
      for (const [name, build] of CASES) {
        const g = new RandomGraph();
        g.graph.output("y", build(g));
        await assertParity(backend, name, g);
      }
    });
  });
}

Deno.test("operators are all tested", () => {
  const tested = new Set(CASES.map(([name]) => name.split(" ")[0]));
  const inOwnFile = ["conv2d", "dynamic_conv2d", "mix_kernels"];
  assertEquals(Object.keys(OPERATORS).filter((name) => !tested.has(name)), inOwnFile);
});
