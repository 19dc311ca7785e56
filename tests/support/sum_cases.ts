/** Compares operators that add many numbers with PyTorch's: tests/reference/write_sum_fixtures.py. */

import type { Backend } from "../../src/graph/backend.ts";
import { Graph, type Operator, type Shape, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { inErrorScopes } from "./devices.ts";
import { readJson } from "./fixtures.ts";
import { uniform } from "./random_weights.ts";

const TABLE: Readonly<Record<string, unknown>> = { ...OPERATORS, ...TRAINING_OPERATORS };

/** A graph, and a part of its results in float64. */
export interface SumCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly nodes: Readonly<
    Record<string, {
      readonly op: string;
      readonly operands: Readonly<Record<string, string>>;
      readonly attributes: Readonly<Record<string, unknown>>;
    }>
  >;
  readonly outputs: Readonly<
    Record<string, {
      /** `expected` has every `step`th number. */
      readonly step: number;
      readonly expected: readonly number[];
      /** Error of PyTorch's float32. */
      readonly torchError: number;
    }>
  >;
}

/** Numbers by formula: uniform around `offset`, or class numbers below `labels`. */
type Numbers =
  & { readonly shape: Shape }
  & ({ readonly scale: number; readonly offset: number } | { readonly labels: number });

/** Tolerance against float64: a multiple of the error of PyTorch's float32, or a few roundings of the result. */
export const TIMES_PYTORCH = 4;
const FEW_ROUNDINGS = 5e-7;

/** Returns the tolerance of a sum for PyTorch's error. */
export function allowedOfSum(torchError: number): number {
  return Math.max(TIMES_PYTORCH * torchError, FEW_ROUNDINGS);
}

/** Reads all cases. */
export async function readSumCases(): Promise<readonly SumCase[]> {
  return (await readJson<{ cases: SumCase[] }>("sums.json")).cases;
}

/** Returns a device's errors by output, relative to the largest expected number. */
export async function sumErrors(backend: Backend, c: SumCase): Promise<Record<string, number>> {
  const graph = new Graph();
  const values: Record<string, Value> = {};
  const inputs: Record<string, Float32Array<ArrayBuffer>> = {};
  for (const [name, given] of Object.entries(c.inputs)) {
    const numbers = "labels" in given
      ? Float32Array.from({ length: given.shape[0] }, (_, i) => i * 7 % given.labels)
      : uniform(`${c.name}.${name}`, given.shape, given.scale, given.offset);
    if (name === "weight") values[name] = graph.parameter(name, given.shape, () => Promise.resolve(numbers));
    else {
      values[name] = graph.input(name, given.shape);
      inputs[name] = numbers;
    }
  }
  for (const [name, { op, operands, attributes }] of Object.entries(c.nodes)) {
    const given = Object.fromEntries(Object.entries(operands).map(([key, value]) => [key, values[value]]));
    values[name] = graph.apply(TABLE[op] as Operator, name, given, attributes);
  }
  for (const name of Object.keys(c.outputs)) graph.output(name, values[name]);
  const actual = await inErrorScopes(backend, async () => {
    const executable = await backend.compile(graph);
    try {
      return await executable.run(inputs);
    } finally {
      executable.dispose();
    }
  });
  return Object.fromEntries(
    Object.entries(c.outputs).map(([name, { step, expected }]) => {
      const largest = Math.max(...expected.map(Math.abs));
      const errors = expected.map((value, i) => Math.abs(actual[name][i * step] - value) / largest);
      return [name, errors.some(Number.isNaN) ? Infinity : Math.max(...errors)];
    }),
  );
}
