/**
 * Tests the gradients of every operator against PyTorch, on every device: tests/reference/write_gradient_fixtures.py.
 */

import { assert, assertEquals } from "@std/assert";
import { appendGradients } from "../../src/graph/autodiff.ts";
import type { Backend, Tensors } from "../../src/graph/backend.ts";
import { Graph, type Operator, type Shape, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { relativeError } from "../support/error.ts";
import { readJson, readTensors } from "../support/fixtures.ts";
import { interpreterDevice } from "../support/interpreter_device.ts";
import { uniform } from "../support/random_weights.ts";

interface Case {
  readonly name: string;
  readonly op: string;
  readonly operands: Readonly<Record<string, { shape: Shape; scale: number; offset: number }>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What the gradients are computed on, and how far from PyTorch's it may be, relative to the largest. */
const DEVICES: readonly { name: string; open: () => Backend | Promise<Backend>; tolerance: number }[] = [
  { name: "the interpreter", open: interpreterDevice, tolerance: 1e-6 },
  ...DEVICE_NAMES.map((name) => ({ name, open: () => openTestDevice(name), tolerance: 5e-6 })),
];

const ALL: Readonly<Record<string, Operator>> = { ...OPERATORS, ...TRAINING_OPERATORS };
const cases = await readJson<Case[]>("gradients.json");
const expected = await readTensors("gradients.safetensors");

/** A graph with the gradients to the operands of one case that PyTorch has gradients for as outputs. */
function gradientGraph({ name, op, operands, attributes }: Case): { graph: Graph; inputs: Tensors } {
  const graph = new Graph();
  const values: Record<string, Value> = {};
  const inputs: Tensors = {};
  for (const [operand, { shape, scale, offset }] of Object.entries(operands)) {
    values[operand] = graph.input(operand, shape);
    inputs[operand] = uniform(`${name}.${operand}`, shape, scale, offset);
  }
  const y = graph.apply(ALL[op], name, values, attributes);
  const upstream = graph.input("gradient", y.shape);
  inputs.gradient = uniform(`${name}.gradient`, y.shape);
  const wrt = Object.keys(operands).filter((operand) => expected.has(`${name}.${operand}`));
  const gradients = appendGradients(graph, y, wrt.map((operand) => values[operand]), upstream);
  for (const operand of wrt) graph.output(operand, gradients.get(values[operand])!);
  return { graph, inputs };
}

for (const { name, open, tolerance } of DEVICES) {
  Deno.test(`the gradients of every operator on ${name} are PyTorch's`, async (t) => {
    const backend = await open();
    for (const c of cases) {
      await t.step(c.name, async () => {
        const { graph, inputs } = gradientGraph(c);
        const executable = await backend.compile(graph);
        const found = Object.entries(await executable.run(inputs));
        executable.dispose();
        assert(found.length > 0);
        for (const [operand, numbers] of found) {
          const error = relativeError(numbers, expected.get(`${c.name}.${operand}`)!);
          assert(error <= tolerance, `${operand}: relative error ${error.toExponential(2)}`);
        }
      });
    }
    backend.dispose();
  });
}

Deno.test("the gradient fixtures cover every differentiable operator of inference, and the loss", () => {
  const needed = [...Object.entries(OPERATORS).filter(([, op]) => op.gradient).map(([name]) => name), "cross_entropy"];
  const missing = needed.filter((op) => !cases.some((c) => c.op === op));
  assert(missing.length === 0, `no case for ${missing}`);
});

Deno.test("the gradient fixtures cover every kernel_num x groups x stride x dilation, depthwise too", () => {
  assertEquals(cases.filter(({ name }) => name.includes("grid: ")).length, 3 * 3 * 2 * 2);
});
