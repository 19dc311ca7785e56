import { assertThrows } from "@std/assert";
import { ShapeError } from "../../src/errors.ts";
import { Graph, type Operator, type Shape } from "../../src/graph/graph.ts";
import { TRAINING_OPERATORS, type TrainingOperatorName } from "../../src/graph/ops/training.ts";

const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
const convolution = { x: [2, 4, 7, 7], gradient: [2, 6, 7, 7] };
const channels = { weight: [4], variance: [4] };

/** Operator, operands of wrong shapes, attributes, part of the message. */
const REFUSED: [TrainingOperatorName, Record<string, Shape>, Record<string, unknown>, string][] = [
  [
    "conv2d_input_grad",
    { gradient: [2, 6, 7, 7], weight: [6, 4, 3, 3] },
    { ...window, inputSize: [8, 7] },
    "gradient is",
  ],
  ["conv2d_input_grad", { gradient: [2, 6, 7, 7], weight: [6, 4, 3, 3], kernel: [2, 3] }, {
    ...window,
    inputSize: [7, 7],
  }, "kernel attention is [2, 3], expected [2, 1]"],
  ["conv2d_weight_grad", convolution, { ...window, weightShape: [5, 4, 3, 3] }, "gradient is [2, 6, 7, 7], expected"],
  ["conv2d_weight_grad", { ...convolution, channel: [2, 6] }, { ...window, weightShape: [6, 4, 3, 3] }, "[2, 4]"],
  ["conv2d_attention_products", { ...convolution, weight: [3, 6, 2, 3, 3] }, window, "x has 4"],
  ["attention_grad", { products: [2, 6, 3, 9], spatial: [2, 6] }, { to: "filter" }, "spatial attention is [2, 6]"],
  ["batch_norm_input_grad", { ...channels, gradient: [2, 4], x: [2, 4] }, { eps: 0 }, "together or not at all"],
  [
    "batch_norm_train",
    { x: [1, 4, 1, 1], weight: [4], bias: [4], mean: [4], variance: [4] },
    { eps: 0 },
    "more than 1",
  ],
  ["sum_products", { a: [2, 4, 3, 3], b: [2, 4, 3, 3] }, { shape: [2] }, "expected [2, 4] or [4]"],
  ["slice_channels", { x: [2, 4, 3, 3] }, { start: 3, count: 2 }, "channels 3 to 5 are not within the 4 of x"],
  ["unflatten", { x: [2, 12] }, { shape: [2, 3, 5] }, "x is [2, 12], expected [2, 15]"],
  ["max_pool2d_grad", { x: [1, 2, 5, 5], gradient: [1, 2, 3, 3] }, {
    kernelSize: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
  }, "expected [1, 2, 2, 2]"],
  ["linear_weight_grad", { x: [3, 5], gradient: [3, 4] }, { weightShape: [4, 6] }, "x is [3, 5], expected [*, 6]"],
  ["sgd_step", { parameter: [3], gradient: [4], learningRate: [1] }, { momentum: 0 }, "gradient is [4], expected [3]"],
];

for (const [name, shapes, attributes, message] of REFUSED) {
  Deno.test(`${name} refuses ${JSON.stringify(shapes)}: ${message}`, () => {
    const graph = new Graph();
    const operands = Object.fromEntries(Object.entries(shapes).map(([o, shape]) => [o, graph.input(o, shape)]));
    const op: Operator = TRAINING_OPERATORS[name];
    const error = assertThrows(() => graph.apply(op, "layer", operands, attributes), ShapeError, message);
    if (!error.message.startsWith(`layer (${name}): `)) throw error;
  });
}
