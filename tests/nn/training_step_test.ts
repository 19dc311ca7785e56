/** A training step of a small network against PyTorch: tests/reference/write_gradient_fixtures.py. */

import { assert, assertEquals } from "@std/assert";
import { appendGradients } from "../../src/graph/autodiff.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import { crossEntropy } from "../../src/graph/ops/cross_entropy.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { countedBatches } from "../../src/nn/buffer_updates.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Module, namedParameters, traceModule } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { GlobalAvgPool, ReLU, ReLU6 } from "../../src/nn/stateless.ts";
import { relativeError } from "../support/error.ts";
import { readTensors } from "../support/fixtures.ts";
import { interpret } from "../support/float64_interpreter.ts";
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

/** Weights as weights.py makes them, for the graph's parameters. */
async function weights(module: Module): Promise<Record<string, Float32Array>> {
  const spec = [...namedParameters(module)].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
  const values: Record<string, Float32Array> = {};
  for (const [name, { dtype, read }] of randomStateDict(spec)) {
    if (dtype === "F32") values[name] = new Float32Array((await read()).buffer);
  }
  return values;
}

/** The forward pass in training, the loss and every gradient. */
function trainingGraph(module: Module): { graph: Graph; results: Map<string, Value> } {
  const graph = traceModule(module, [4, 3, 6, 6], { training: true });
  const operands = { logits: graph.outputs.get("logits")!, labels: graph.input("labels", [4]) };
  const loss = graph.apply(crossEntropy, "loss", operands, { labelSmoothing: 0.1 });
  const results = new Map([["loss", loss]]);
  for (const [buffer, value] of graph.updates) results.set(buffer.name, value);
  const trainable = [...namedParameters(module)].filter(([, { trainable }]) => trainable);
  const wrt = trainable.map(([name]) => graph.parameters.get(name)!);
  for (const [parameter, gradient] of appendGradients(graph, loss, wrt)) results.set(parameter.name, gradient);
  return { graph, results };
}

for (const temperature of [1, 30]) {
  Deno.test(`a training step has PyTorch's loss, gradients and running statistics at temperature ${temperature}`, async () => {
    const module = network();
    const { graph, results } = trainingGraph(module);
    const given = {
      ...await weights(module),
      x: uniform("image", [4, 3, 6, 6], 2),
      labels: [3, 0, 4, 1],
      temperature: [temperature],
    };
    const numbers = interpret(graph, given, [...results.values()]);
    const prefix = `network@${temperature}.`;
    const names = [...fixture.keys()].filter((name) => name.startsWith(prefix)).map((n) => n.slice(prefix.length));
    assertEquals(new Set(results.keys()), new Set(names));
    [...results.keys()].forEach((name, i) => {
      const error = relativeError(Float32Array.from(numbers[i]), fixture.get(prefix + name)!);
      assert(error <= 1e-6, `${name}: relative error ${error.toExponential(2)}`);
    });
  });
}

Deno.test("countedBatches() names the counter of every batch norm that tracks", () => {
  const counters = [...namedParameters(network())].map(([name]) => name).filter((n) =>
    n.endsWith("num_batches_tracked")
  );
  assertEquals(countedBatches(trainingGraph(network()).graph).sort(), counters.sort());
  assertEquals(countedBatches(traceModule(new BatchNorm2d(3), [2, 3, 4, 4], { training: true })), [
    "num_batches_tracked",
  ]);
});
