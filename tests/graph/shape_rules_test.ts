import { assert, assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../src/errors.ts";
import { Graph, type Shape, type Value } from "../../src/graph/graph.ts";
import { type OperatorName, OPERATORS } from "../../src/graph/ops/mod.ts";

const window = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, activation: "none" };
const pool = { kernelSize: [3, 3], stride: [2, 2], padding: [1, 1] };

/** Applies an operator to inputs of these shapes. */
function apply(op: OperatorName, shapes: Record<string, Shape>, attributes: Record<string, unknown> = {}): Value {
  const graph = new Graph();
  const operands = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, graph.input(name, shape)]));
  return graph.apply(OPERATORS[op] as never, "layer", operands as never, attributes as never);
}

/** Operator, operands, attributes, the extents that PyTorch answers. */
const SHAPES: [OperatorName, Record<string, Shape>, Record<string, unknown>, Shape][] = [
  ["conv2d", { x: [2, 3, 224, 224], weight: [64, 3, 7, 7] }, { ...window, stride: [2, 2], padding: [3, 3] }, [
    2,
    64,
    112,
    112,
  ]],
  ["conv2d", { x: [1, 4, 9, 10], weight: [6, 2, 3, 5] }, { ...window, groups: 2, dilation: [2, 1] }, [1, 6, 5, 6]],
  ["dynamic_conv2d", { x: [5, 4, 7, 7], weight: [1, 8, 4, 3, 3] }, { ...window, stride: [2, 2] }, [5, 8, 3, 3]],
  ["conv2d", { x: [5, 4, 7, 7], weight: [5, 8, 2, 3, 3], bias: [5, 8] }, { ...window, groups: 2 }, [5, 8, 5, 5]],
  ["mix_kernels", { weight: [4, 6, 2, 3, 3], channel: [5, 4], kernel: [5, 4] }, {}, [5, 6, 2, 3, 3]],
  ["max_pool2d", { x: [2, 64, 112, 112] }, pool, [2, 64, 56, 56]],
  ["avg_pool2d", { x: [2, 8, 7, 7] }, { ...pool, padding: [0, 0] }, [2, 8, 3, 3]],
  ["global_avg_pool", { x: [2, 8, 7, 5] }, {}, [2, 8]],
  ["flatten", { x: [2, 8, 7, 5] }, {}, [2, 280]],
  ["pad_channels", { x: [2, 8, 7, 5] }, { before: 3, after: 4 }, [2, 15, 7, 5]],
  ["linear", { x: [2, 8], weight: [5, 8, 1, 1] }, { activation: "none" }, [2, 5]],
  ["add", { a: [2, 1, 7, 5], b: [1, 8, 7, 1] }, {}, [2, 8, 7, 5]],
  ["mul", { x: [2, 8, 1, 1], scale: [2, 8, 7, 5] }, {}, [2, 8, 7, 5]],
  ["bmm", { a: [2, 3, 4], b: [2, 4, 5] }, {}, [2, 3, 5]],
  ["concat", { x0: [2, 3, 7, 5], x1: [2, 1, 7, 5] }, { dim: 1 }, [2, 4, 7, 5]],
];

for (const [op, shapes, attributes, expected] of SHAPES) {
  Deno.test(`${op} of ${JSON.stringify(shapes)} is [${expected}]`, () => {
    assertEquals(apply(op, shapes, attributes).shape, expected);
  });
}

/** Operator, operands that do not fit, attributes, part of the message. */
const MISFITS: [OperatorName, Record<string, Shape>, Record<string, unknown>, string][] = [
  ["div", { a: [2, 3], b: [2, 4] }, {}, "a is [2, 3] and b [2, 4]: expected as many axes, and equal extents or 1"],
  ["bmm", { a: [2, 3, 4], b: [2, 3, 5] }, {}, "a is [2, 3, 4] and b [2, 3, 5], expected [B, M, K] and [B, K, N]"],
  ["reshape", { x: [2, 3] }, { shape: [7] }, "[7] has 7 elements, x [2, 3] has 6"],
  ["permute", { x: [2, 3] }, { dims: [0, 0] }, "dims are [0, 0], expected each axis of [2, 3] once"],
  ["narrow", { x: [2, 3] }, { dim: 1, start: 2, length: 2 }, "2 to 4 are not within axis 1 of [2, 3]"],
  ["narrow", { x: [2, 3] }, { dim: 2, start: 0, length: 1 }, "axis 2 is none of [2, 3]"],
  ["concat", { x0: [2, 3], x1: [3, 3] }, { dim: 1 }, "x1 is [3, 3], expected [2, *]"],
  ["expand", { x: [2, 3] }, { shape: [2, 4], scale: 1 }, "x is [2, 3], expected [2, 4], or 1 instead of an extent"],
  ["sum_to_size", { x: [2, 3] }, { shape: [2, 2], scale: 1 }, "the sum is [2, 2], expected [2, 3]"],
  ["max_to_size", { x: [2, 3] }, { shape: [2] }, "the maximum is [2], expected [2, 3]"],
  [
    "interpolate",
    { x: [1, 1, 2, 2] },
    { mode: "nearest", size: [0, 2], alignCorners: false },
    "size is [0, 2], expected two whole numbers from 1 up",
  ],
  [
    "conv_transpose2d",
    { x: [1, 4, 2, 2], weight: [4, 2, 2, 2] },
    { ...window, stride: [2, 2], outputPadding: [2, 0] },
    "an output padding of 2, expected less than the stride 2",
  ],
  ["conv2d", { x: [1, 3, 8, 8], weight: [4, 2, 3, 3] }, window, "weight takes 2 channels in each of 1 groups, x has 3"],
  [
    "conv2d",
    { x: [1, 3, 8, 8], weight: [4, 1, 3, 3] },
    { ...window, groups: 2 },
    "2 groups do not divide 3 input and 4",
  ],
  [
    "conv2d",
    { x: [1, 3, 2, 8], weight: [4, 3, 3, 3] },
    window,
    "a window of 3 does not fit an extent of 2 padded by 0",
  ],
  ["conv2d", { x: [3, 8, 8], weight: [4, 3, 3, 3] }, window, "x is [3, 8, 8], expected [*, *, *, *]"],
  ["conv2d", { x: [1, 3, 8, 8], weight: [4, 3, 3, 3], bias: [3] }, window, "bias is [3], expected [4]"],
  [
    "conv2d",
    { x: [1, 3, 8, 8], weight: [4, 3, 3, 3], residual: [1, 4, 8, 8] },
    window,
    "residual is [1, 4, 8, 8], expected [1, 4, 6, 6]",
  ],
  [
    "dynamic_conv2d",
    { x: [2, 3, 8, 8], weight: [4, 3, 3, 3] },
    window,
    "weight is [4, 3, 3, 3], expected [*, *, *, *, *]",
  ],
  ["dynamic_conv2d", { x: [2, 3, 8, 8], weight: [2, 4, 3, 3, 3] }, window, "kernel attention is [], expected [2, 2]"],
  [
    "dynamic_conv2d",
    { x: [2, 3, 8, 8], weight: [1, 4, 3, 3, 3], spatial: [2, 3] },
    window,
    "spatial attention is [2, 3], expected [2, 9]",
  ],
  [
    "conv2d",
    { x: [2, 3, 8, 8], weight: [4, 4, 3, 3, 3] },
    window,
    "weight is [4, 4, 3, 3, 3], expected [2, *, *, *, *]",
  ],
  ["conv2d", { x: [2, 3, 8, 8], weight: [4, 3, 3, 3], bias: [1, 4] }, window, "bias is [1, 4], expected [2, 4]"],
  ["mix_kernels", { weight: [1, 4, 3, 3, 3] }, {}, "there is no attention, expected at least one of [B, ...]"],
  ["mix_kernels", { weight: [2, 4, 3, 3, 3], filter: [5, 4] }, {}, "kernel attention is [], expected [5, 2]"],
  [
    "mix_kernels",
    { weight: [1, 4, 3, 3, 3], spatial: [5, 9], filter: [2, 4] },
    {},
    "filter attention is [2, 4], expected",
  ],
  [
    "mix_kernels",
    { weight: [1, 4, 3, 3, 3], channel: [5, 9] },
    {},
    "channel attention is of 9 channels, expected 3 times",
  ],
  ["batch_norm", { x: [2, 3], weight: [3], bias: [3], runningMean: [2], runningVar: [3] }, {}, "running mean is [2]"],
  ["add", { a: [2, 3], b: [3] }, {}, "a is [2, 3] and b [3]: expected as many axes, and equal extents or 1"],
  ["mul", { x: [2, 3, 4, 4], scale: [2] }, {}, "scale is [2], expected [2, 3, 4, 4], [B, C] or [C] of it"],
  ["softmax", { x: [2, 3, 4, 4] }, {}, "x is [2, 3, 4, 4], expected [*, *]"],
  ["sigmoid", { x: [2, 3], temperature: [2] }, {}, "temperature is [2], expected [1]"],
  ["linear", { x: [2, 8], weight: [5, 7] }, { activation: "none" }, "weight is [5, 7], expected [*, 8]"],
  ["global_avg_pool", { x: [2, 8] }, {}, "x is [2, 8], expected [*, *, *, *]"],
  ["max_pool2d", { x: [2, 8, 1, 1] }, { ...pool, padding: [0, 0] }, "a window of 3 does not fit an extent of 1"],
];

for (const [op, shapes, attributes, message] of MISFITS) {
  Deno.test(`${op} of ${JSON.stringify(shapes)} throws ShapeError naming the layer`, () => {
    assertThrows(() => apply(op, shapes, attributes), ShapeError, `layer (${op}): ${message}`);
  });
}

Deno.test("Graph refuses a second input of the same name", () => {
  const graph = new Graph();
  graph.input("x", [1]);
  assertThrows(() => graph.input("x", [2]), ShapeError, 'an input "x" already');
});

Deno.test("Graph answers the same value for the same parameter", () => {
  const graph = new Graph();
  const load = () => Promise.resolve(new Float32Array(1));
  assert(graph.parameter("w", [1], load) === graph.parameter("w", [1], load));
});
