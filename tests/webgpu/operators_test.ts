import { assertEquals } from "@std/assert";
import type { Shape, Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { assertParity, withWebGpu } from "./support.ts";

/** Builds one operator over random tensors. */
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

const CASES: readonly Case[] = [
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
