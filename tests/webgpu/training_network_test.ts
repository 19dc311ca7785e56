/** Tests whole backward passes on WebGPU against the float64 interpreter and against PyTorch's stored results. */

import { assert, assertEquals } from "@std/assert";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { Graph, type Operator, type Shape, type Value } from "../../src/graph/graph.ts";
import { crossEntropy } from "../../src/graph/ops/cross_entropy.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Module, traceModule } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { ReLU } from "../../src/nn/activations.ts";
import { GlobalAvgPool, MaxPool2d } from "../../src/nn/stateless.ts";
import { readJson, readTensors } from "../support/fixtures.ts";
import { randomStateDict, uniform } from "../support/random_weights.ts";
import { relativeError } from "../support/error.ts";
import { withWebGpu } from "./support.ts";
import { assertInterpreted } from "./training_support.ts";

const TOLERANCE = 1e-4;

/** Odd channels, a stem as ImageNet's, strides, every kind of ODConv. */
function network(): Module {
  return new Sequential(
    new Conv2d(3, 6, 7, { stride: 2, padding: 3, bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(3, { stride: 2, padding: 1 }),
    new ODConv2d(6, 10, 3, { stride: 2, padding: 1, kernelNum: 4, bias: false }),
    new BatchNorm2d(10),
    new ReLU(),
    new ODConv2d(10, 10, 3, { padding: 1, groups: 10, kernelNum: 2, bias: false }),
    new BatchNorm2d(10),
    new ODConv2d(10, 7, 1, { bias: false }),
    new BatchNorm2d(7),
    new ReLU(),
    new GlobalAvgPool(),
    new Linear(7, 5),
  );
}

/** The loss, every parameter's gradient and every running statistic after a step, as outputs. */
function trainingGraph(module: Module): Graph {
  const spec = [...module.namedTensors()].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
  const state = randomStateDict(spec);
  for (const [name, parameter] of module.namedTensors()) parameter.tensor = state.get(name);
  const graph = traceModule(module, [5, 3, 21, 19], { training: true });
  const operands = { logits: graph.outputs.get("logits")!, labels: graph.input("labels", [5]) };
  const loss = graph.apply(crossEntropy, "loss", operands, { labelSmoothing: 0.1 });
  graph.output("loss", loss);
  for (const [buffer, value] of graph.updates) graph.output(`${buffer.name} after`, value);
  const trainable = [...module.namedParameters()];
  const wrt = trainable.map(([name]) => graph.parameters.get(name)!);
  const gradients = appendGradients(graph, loss, wrt);
  assertEquals(gradients.size, wrt.length);
  for (const [parameter, gradient] of gradients) graph.output(`gradient of ${parameter.name}`, gradient);
  return graph;
}

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`loss, gradients and statistics are the interpreter's when operands are read from a ${operands}`, async () => {
    const graph = trainingGraph(network());
    const x = uniform("image", [5, 3, 21, 19], 2);
    await withWebGpu({ operands }, async (backend) => {
      for (const temperature of [1, 30]) {
        const inputs = { x, labels: Float32Array.of(3, 0, 4, 1, 1), temperature: Float32Array.of(temperature) };
        await assertInterpreted(backend, `temperature ${temperature}`, { graph, inputs }, TOLERANCE);
      }
    });
  });
}

interface Case {
  readonly name: string;
  readonly op: string;
  readonly operands: Readonly<Record<string, { shape: Shape; scale: number; offset: number }>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const ALL: Readonly<Record<string, Operator>> = { ...OPERATORS, ...TRAINING_OPERATORS };

Deno.test("every operator's gradients on WebGPU are PyTorch's", async () => {
  const cases = await readJson<Case[]>("gradients.json");
  const expected = await readTensors("gradients.safetensors");
  await withWebGpu({}, async (backend) => {
    for (const { name, op, operands, attributes } of cases) {
      const graph = new Graph();
      const values: Record<string, Value> = {};
      const inputs: Record<string, Float32Array<ArrayBuffer>> = {};
      for (const [operand, { shape, scale, offset }] of Object.entries(operands)) {
        values[operand] = graph.input(operand, shape);
        inputs[operand] = uniform(`${name}.${operand}`, shape, scale, offset);
      }
      const y = graph.apply(ALL[op], name, values, attributes);
      inputs.gradient = uniform(`${name}.gradient`, y.shape);
      const wrt = Object.keys(operands).filter((operand) => expected.has(`${name}.${operand}`));
      const upstream = graph.input("gradient", y.shape);
      const gradients = appendGradients(graph, y, wrt.map((operand) => values[operand]), upstream);
      for (const operand of wrt) graph.output(operand, gradients.get(values[operand])!);
      const executable = await backend.compile(graph);
      const found = await executable.run(inputs);
      executable.dispose();
      for (const operand of wrt) {
        const error = relativeError(found[operand], expected.get(`${name}.${operand}`)!);
        assert(error <= TOLERANCE, `${name}, ${operand}: relative error ${error.toExponential(2)}`);
      }
    }
  });
});
