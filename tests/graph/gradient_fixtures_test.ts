/** Gradients of every operator against PyTorch: tests/reference/write_gradient_fixtures.py. */

import { assert } from "@std/assert";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { Graph, type Operator, type Shape, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { relativeError } from "../support/error.ts";
import { readJson, readTensors } from "../support/fixtures.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { uniform } from "../support/random_weights.ts";

interface Case {
  readonly name: string;
  readonly op: string;
  readonly operands: Readonly<Record<string, { shape: Shape; scale: number; offset: number }>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const ALL: Readonly<Record<string, Operator>> = { ...OPERATORS, ...TRAINING_OPERATORS };
const cases = await readJson<Case[]>("gradients.json");
const expected = await readTensors("gradients.safetensors");

/** The gradients to the operands of one case that PyTorch has gradients for. */
function gradients({ name, op, operands, attributes }: Case): Map<string, Float32Array> {
  const graph = new Graph();
  const values: Record<string, Value> = {};
  const given: Record<string, Float32Array> = {};
  for (const [operand, { shape, scale, offset }] of Object.entries(operands)) {
    values[operand] = graph.input(operand, shape);
    given[operand] = uniform(`${name}.${operand}`, shape, scale, offset);
  }
  const y = graph.apply(ALL[op], name, values, attributes);
  const upstream = graph.input("gradient", y.shape);
  given.gradient = uniform(`${name}.gradient`, y.shape);
  const wrt = Object.keys(operands).filter((operand) => expected.has(`${name}.${operand}`));
  const answers = appendGradients(graph, y, wrt.map((operand) => values[operand]), upstream);
  const numbers = interpret(graph, given, wrt.map((operand) => answers.get(values[operand])!));
  return new Map(wrt.map((operand, i) => [operand, Float32Array.from(numbers[i])]));
}

for (const c of cases) {
  Deno.test(`the gradients of ${c.name} are PyTorch's`, () => {
    const found = gradients(c);
    assert(found.size > 0);
    for (const [operand, numbers] of found) {
      const error = relativeError(numbers, expected.get(`${c.name}.${operand}`)!);
      assert(error <= 1e-6, `${operand}: relative error ${error.toExponential(2)}`);
    }
  });
}

Deno.test("the gradient fixtures cover every differentiable operator of inference, and the loss", () => {
  const needed = [...Object.entries(OPERATORS).filter(([, op]) => op.gradient).map(([name]) => name), "cross_entropy"];
  const missing = needed.filter((op) => !cases.some((c) => c.op === op));
  assert(missing.length === 0, `no case for ${missing}`);
});
