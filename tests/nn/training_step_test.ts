/**
 * Tests a training step of a small network against PyTorch, on every device:
 * tests/reference/write_gradient_fixtures.py.
 */

import { assert, assertEquals } from "@std/assert";
import { openCpu } from "../../src/cpu/backend.ts";
import { appendGradients } from "../../src/graph/autodiff.ts";
import type { Backend } from "../../src/graph/backend.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { crossEntropy } from "../../src/graph/ops/cross_entropy.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { countedBatches } from "../../src/nn/buffer_updates.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Module, traceModule } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { ReLU, ReLU6 } from "../../src/nn/activations.ts";
import { GlobalAvgPool } from "../../src/nn/stateless.ts";
import { relativeError } from "../support/error.ts";
import { readTensors } from "../support/fixtures.ts";
import { interpreterDevice } from "../support/interpreter_device.ts";
import { randomStateDict, uniform } from "../support/random_weights.ts";

const fixture = await readTensors("gradients.safetensors");

/** network() of the script. */
function network(): Module {
  return new Sequential(
    new Conv2d(3, 4, 3, { padding: 1, bias: false }),
    new BatchNorm2d(4),
    new ReLU(),
    new ODConv2d(4, 6, 3, { stride: 2, padding: 1, kernelNum: 4, bias: false }),
    new BatchNorm2d(6),
    new ReLU6(),
    new ODConv2d(6, 6, 3, { padding: 1, groups: 6, kernelNum: 2, bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new ODConv2d(6, 8, 1, { bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
    new GlobalAvgPool(),
    new Linear(8, 5),
  );
}

/** Gives a module weights as weights.py makes them. */
function load(module: Module): void {
  const parameters = [...module.namedTensors()];
  const weights = randomStateDict(parameters.map(([name, { shape, dtype }]) => ({ name, shape, dtype })));
  for (const [name, parameter] of parameters) parameter.tensor = weights.get(name);
}

/** The forward pass in training, with the loss and every gradient as outputs. */
function trainingGraph(module: Module): Graph {
  const graph = traceModule(module, [4, 3, 6, 6], { training: true });
  const operands = { logits: graph.outputs.get("logits")!, labels: graph.input("labels", [4]) };
  const loss = graph.apply(crossEntropy, "loss", operands, { labelSmoothing: 0.1 });
  graph.output("loss", loss);
  const trainable = [...module.namedParameters()];
  const wrt = trainable.map(([name]) => graph.parameters.get(name)!);
  for (const [parameter, gradient] of appendGradients(graph, loss, wrt)) graph.output(parameter.name, gradient);
  return graph;
}

/**
 * What runs the step, and how far from PyTorch in float64 it may be, relative to the largest number of a tensor. In
 * float32 PyTorch itself is off by 8.4e-5: batch norm undoes most of what a filter attention does, so that the gradient
 * to its bias is a small difference of large numbers.
 */
const DEVICES: readonly { name: string; open: () => Backend | Promise<Backend>; tolerance: number }[] = [
  { name: "the interpreter", open: interpreterDevice, tolerance: 1e-6 },
  { name: "cpu", open: openCpu, tolerance: 1e-4 },
];

for (const { name: device, open, tolerance } of DEVICES) {
  for (const temperature of [1, 30]) {
    Deno.test(`a step on ${device} has PyTorch's loss, gradients and statistics at temperature ${temperature}`, async () => {
      const module = network();
      load(module);
      const graph = trainingGraph(module);
      const backend = await open();
      const executable = await backend.compile(graph);
      const inputs = { x: uniform("image", [4, 3, 6, 6], 2), labels: Float32Array.of(3, 0, 4, 1) };
      const { logits: _, ...results } = await executable.run({ ...inputs, temperature: Float32Array.of(temperature) });
      Object.assign(results, await executable.read!([...graph.updates.keys()].map(({ name }) => name)));
      executable.dispose();
      backend.dispose();
      const prefix = `network@${temperature}.`;
      const names = [...fixture.keys()].filter((name) => name.startsWith(prefix)).map((n) => n.slice(prefix.length));
      assertEquals(new Set(Object.keys(results)), new Set(names));
      for (const name of names) {
        const error = relativeError(results[name], fixture.get(prefix + name)!);
        assert(error <= tolerance, `${name}: relative error ${error.toExponential(2)}`);
      }
    });
  }
}

Deno.test("countedBatches() names the counter of every batch norm that tracks", () => {
  const counters = [...network().namedTensors()].map(([name]) => name).filter((n) => n.endsWith("num_batches_tracked"));
  assertEquals(countedBatches(trainingGraph(network())).sort(), counters.sort());
  assertEquals(countedBatches(traceModule(new BatchNorm2d(3), [2, 3, 4, 4], { training: true })), [
    "num_batches_tracked",
  ]);
});
