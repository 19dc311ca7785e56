import { assertEquals } from "@std/assert";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { optimizeForInference } from "../../src/graph/passes/mod.ts";
import { openDevice } from "../../src/devices.ts";
import { createModel } from "../../src/models/model/model.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { type Module, traceModule } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { ReLU, Sigmoid } from "../../src/nn/activations.ts";
import { Dropout, GlobalAvgPool } from "../../src/nn/stateless.ts";
import { Linear } from "../../src/nn/linear.ts";

function countOperators(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of graph.nodes) counts[op.name] = (counts[op.name] ?? 0) + 1;
  return counts;
}

Deno.test("optimizeForInference() leaves of a ResNet only convolutions, pools and attention branches", () => {
  assertEquals(countOperators(createModel({ arch: "resnet18" }).graph()), {
    conv2d: 20,
    max_pool2d: 1,
    global_avg_pool: 1,
    linear: 1,
  });
  // Each of 16 dynamic layers has a squeeze and three sigmoid heads. The kernel head's softmax stays a node.
  assertEquals(countOperators(createModel({ arch: "od_resnet18", kernelNum: 4 }).graph()), {
    conv2d: 4,
    dynamic_conv2d: 16,
    max_pool2d: 1,
    global_avg_pool: 17,
    linear: 16 * 5 + 1,
    softmax: 16,
  });
});

Deno.test("optimizeForInference() leaves of a MobileNetV2 only convolutions, pools and attention branches", () => {
  assertEquals(countOperators(createModel({ arch: "mobilenetv2_050" }).graph()), {
    conv2d: 52,
    global_avg_pool: 1,
    linear: 1,
  });
});

Deno.test("optimizeForInference() keeps what cannot be folded or fused", () => {
  // A batch norm before its convolution, a sigmoid after one, and an activation that already has one.
  const layers = new Sequential(new BatchNorm2d(4), new Conv2d(4, 4, 1), new Sigmoid(), new ReLU(), new ReLU());
  const graph = optimizeForInference(traceModule(layers, [1, 4, 3, 3]));
  assertEquals(graph.nodes.map((n) => n.op.name), ["batch_norm", "conv2d", "sigmoid", "relu", "relu"]);
});

/** Weights and statistics that are not the initial ones, so that folding has something to do. */
function perturb(network: Module): void {
  for (const [path, module] of network.namedModules()) {
    if (!(module instanceof BatchNorm2d)) continue;
    for (const [name, parameter] of module.parameters) {
      if (parameter.dtype !== "F32") continue;
      const values = Float32Array.from(
        { length: parameter.shape[0] },
        (_, i) => 0.6 + 0.3 * Math.sin(i * 7 + path.length + name.length),
      );
      parameter.tensor = {
        dtype: "F32",
        shape: parameter.shape,
        read: () => Promise.resolve(new Uint8Array(values.buffer)),
      };
    }
  }
}

Deno.test("optimizeForInference() changes no result beyond rounding", async () => {
  const network = new Sequential(
    new Conv2d(3, 8, 3, { padding: 1, bias: true }),
    new BatchNorm2d(8),
    new ReLU(),
    new ODConv2d(8, 12, 3, { kernelNum: 2, stride: 2, bias: true }),
    new BatchNorm2d(12),
    new ReLU(),
    new ODConv2d(12, 12, 3, { groups: 12 }),
    new BatchNorm2d(12),
    new GlobalAvgPool(),
    new Dropout(0.5),
    new Linear(12, 5),
  );
  perturb(network);
  const graph = traceModule(network, [2, 3, 13, 13]);
  const optimized = optimizeForInference(graph);
  assertEquals(countOperators(optimized).batch_norm, undefined);
  const x = Float32Array.from({ length: 2 * 3 * 13 * 13 }, (_, i) => Math.sin(i * 0.37));
  const cpu = await openDevice("cpu");
  try {
    const run = async (g: Graph) => (await (await cpu.compile(g)).run({ x })).logits;
    const [expected, actual] = [await run(graph), await run(optimized)];
    const largest = Math.max(...expected.map(Math.abs));
    const error = Math.max(...expected.map((v, i) => Math.abs(v - actual[i]))) / largest;
    assertEquals(error < 1e-5, true, `relative error ${error}`);
  } finally {
    cpu.dispose();
  }
});

Deno.test("optimizeForInference() leaves an addition that repeats an operand", () => {
  const graph = new Graph();
  const x = graph.input("x", [1, 3, 4, 4]);
  const weight = graph.parameter("weight", [2, 3, 1, 1], () => Promise.resolve(new Float32Array(6)));
  const window = { stride: [1, 1], padding: [0, 0], dilation: [1, 1] } as const;
  const y = graph.apply(OPERATORS.conv2d, "conv", { x, weight }, { ...window, groups: 1, activation: "none" });
  graph.output("y", graph.apply(OPERATORS.add, "add", { a: y, b: graph.input("b", [1, 2, 1, 1]) }, {}));
  assertEquals(countOperators(optimizeForInference(graph)), { conv2d: 1, add: 1 });
});
