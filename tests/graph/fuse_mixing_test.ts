import { assertEquals } from "@std/assert";
import { Graph } from "../../src/graph/graph.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { mixKernels } from "../../src/graph/ops/mix_kernels.ts";
import { fuseMixing } from "../../src/graph/passes/fuse_mixing.ts";
import { createModel } from "../../src/models/model/model.ts";
import { sgd } from "../../src/training/optimizer.ts";
import { trainingStep } from "../../src/training/step.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { uniform } from "../support/random_weights.ts";

const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], activation: "none" } as const;

/** A convolution with two groups whose weight is mixed from three kernels. */
function mixed() {
  const graph = new Graph();
  const x = graph.input("x", [2, 4, 5, 5]);
  const attentions = {
    channel: graph.input("channel", [2, 4]),
    filter: graph.input("filter", [2, 6]),
    spatial: graph.input("spatial", [2, 9]),
    kernel: graph.input("kernel", [2, 3]),
  };
  const kernels = graph.input("weight", [3, 6, 2, 3, 3]);
  const weight = graph.apply(mixKernels, "layer", { weight: kernels, ...attentions }, {});
  const bias = graph.input("bias", [2, 6]);
  const y = graph.apply(conv2d, "layer", { x, weight, bias }, { ...window, groups: 2 });
  graph.output("y", y);
  const given = Object.fromEntries([...graph.inputs].map(([name, { shape }]) => [name, uniform(name, shape)]));
  return { graph, x, weight, given };
}

function names(graph: Graph): string[] {
  return graph.nodes.map(({ name, op }) => `${name} ${op.name}`);
}

Deno.test("fuseMixing() makes one node under the layer's name, which computes the same", () => {
  const { graph, given } = mixed();
  const fused = fuseMixing(graph);
  assertEquals(names(fused), ["layer dynamic_conv2d"]);
  assertEquals(names(graph), ["layer mix_kernels", "layer conv2d"]);
  const [expected, actual] = [interpret(graph, given).y, interpret(fused, given).y];
  assertEquals(actual.length, 2 * 6 * 25);
  actual.forEach((v, i) => assertEquals(Math.abs(v - expected[i]) < 1e-12, true));
});

Deno.test("fuseMixing() leaves mixed weights that something else takes, too", () => {
  const answered = mixed();
  answered.graph.output("weight", answered.weight);
  assertEquals(names(fuseMixing(answered.graph)), ["layer mix_kernels", "layer conv2d"]);
  const twice = mixed();
  const operands = { x: twice.x, weight: twice.weight };
  twice.graph.output("z", twice.graph.apply(conv2d, "other", operands, { ...window, groups: 2 }));
  assertEquals(names(fuseMixing(twice.graph)), ["layer mix_kernels", "layer conv2d", "other conv2d"]);
});

Deno.test("fuseMixing() leaves a channel attention of other groups than the convolution's", () => {
  const graph = new Graph();
  const channel = graph.input("channel", [2, 2]);
  const weight = graph.apply(mixKernels, "layer", { weight: graph.input("weight", [1, 6, 2, 3, 3]), channel }, {});
  const operands = { x: graph.input("x", [2, 4, 5, 5]), weight };
  graph.output("y", graph.apply(conv2d, "layer", operands, { ...window, groups: 2 }));
  assertEquals(names(fuseMixing(graph)), ["layer mix_kernels", "layer conv2d"]);
});

/** How often a graph has each operator. */
function counts(graph: Graph): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { op } of graph.nodes) counted[op.name] = (counted[op.name] ?? 0) + 1;
  return counted;
}

// The operators that executors were written and measured for: ODConv mixes nothing into memory that it need not.
const INFERENCE = {
  conv2d: 4,
  dynamic_conv2d: 16,
  max_pool2d: 1,
  global_avg_pool: 17,
  linear: 16 * 5 + 1,
  softmax: 16,
};
const TRAINING = {
  dynamic_conv2d: 16,
  conv2d: 4,
  conv2d_input_grad: 19,
  conv2d_weight_grad: 20,
  conv2d_attention_products: 16,
  attention_grad: 48,
  sum_products: 16,
  mul: 16,
};
const LAYER = ["channel", "filter", "kernel", "spatial", "weight", "x"];

Deno.test("od_resnet18 keeps its fused operators, for inference and in training", () => {
  const model = createModel({ arch: "od_resnet18", kernelNum: 4 });
  const inference = model.graph({ imageSize: 64 });
  assertEquals(counts(inference), INFERENCE);
  const training = trainingStep(model.network, [2, 3, 64, 64], {
    optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
  });
  const trained = counts(training);
  const convolutions = Object.keys(trained).filter((name) => name in TRAINING || /conv2d|mix/.test(name));
  assertEquals(Object.fromEntries(convolutions.map((name) => [name, trained[name]])), TRAINING);
  for (const graph of [inference, training]) {
    const layers = graph.nodes.filter(({ op }) => op === dynamicConv2d);
    assertEquals(layers.slice(0, 2).map(({ name }) => name), ["layer1.0.conv1", "layer1.0.conv2"]);
    assertEquals(Object.keys(layers[0].operands).filter((name) => name !== "bias").sort(), LAYER);
  }
});
