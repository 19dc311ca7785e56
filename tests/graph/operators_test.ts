/** Tests every operator on both devices against PyTorch: tests/reference/write_op_fixtures.py. */

import { assert } from "@std/assert";
import type { Backend, Tensors } from "../../src/graph/backend.ts";
import { Graph, type Shape, type Value } from "../../src/graph/graph.ts";
import { type OperatorName, OPERATORS } from "../../src/graph/ops/mod.ts";
import { DEVICE_NAMES, inErrorScopes, openTestDevice } from "../support/devices.ts";
import { relativeError } from "../support/error.ts";
import { readJson, readTensors } from "../support/fixtures.ts";
import { uniform } from "../support/random_weights.ts";

/** Largest error, relative to the largest expected number. WebGPU may use Winograd's transforms, which cost digits. */
const TOLERANCE: Record<Backend["name"], number> = { cpu: 2e-6, webgpu: 2e-5 };

/** Operands that are uploaded at compile time; the others are given to the run. */
const PARAMETERS = ["weight", "bias", "runningMean", "runningVar"];

interface Case {
  readonly name: string;
  readonly op: OperatorName;
  readonly operands: Readonly<Record<string, { shape: Shape; scale: number; offset: number }>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const cases = await readJson<Case[]>("ops.json");
const expected = await readTensors("ops.safetensors");

/** A graph of one node, and what to give to a run of it. */
function build({ name, op, operands, attributes }: Case): { graph: Graph; inputs: Tensors } {
  const graph = new Graph();
  const inputs: Tensors = {};
  const values: Record<string, Value> = {};
  for (const [operand, { shape, scale, offset }] of Object.entries(operands)) {
    const numbers = uniform(`${name}.${operand}`, shape, scale, offset);
    if (PARAMETERS.includes(operand)) {
      values[operand] = graph.parameter(operand, shape, () => Promise.resolve(numbers));
    } else {
      inputs[operand] = numbers;
      values[operand] = graph.input(operand, shape);
    }
  }
  graph.output("y", graph.apply(OPERATORS[op], name, values, attributes as never));
  return { graph, inputs };
}

Deno.test("the cases cover every operator", () => {
  const missing = Object.keys(OPERATORS).filter((op) => !cases.some((c) => c.op === op));
  assert(missing.length === 0, `no case for ${missing}`);
});

for (const device of DEVICE_NAMES) {
  Deno.test(`every operator answers PyTorch's numbers on ${device}`, async (t) => {
    const backend = await openTestDevice(device);
    for (const c of cases) {
      await t.step(c.name, async () => {
        const { graph, inputs } = build(c);
        const y = await inErrorScopes(backend, async () => {
          const executable = await backend.compile(graph);
          const { y } = await executable.run(inputs);
          executable.dispose();
          return y;
        });
        const error = relativeError(y, expected.get(c.name)!);
        assert(error <= TOLERANCE[device], `relative error ${error.toExponential(1)}, allowed ${TOLERANCE[device]}`);
      });
    }
    backend.dispose();
  });
}
