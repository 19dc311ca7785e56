/** Tests optimizers against PyTorch's: tests/reference/write_training_fixtures.py. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Graph, type Shape, type Value } from "../../src/graph/graph.ts";
import {
  adamW,
  appendAverage,
  clipGradients,
  type Optimizer,
  sgd,
  type SgdOptions,
  stateName,
} from "../../src/training/optimizer.ts";
import { readJson } from "../support/fixtures.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { uniform } from "../support/random_weights.ts";

interface Row {
  readonly name: string;
  readonly kind: "SGD" | "AdamW";
  readonly options: SgdOptions;
  readonly maxNorm: number | null;
  readonly norms: readonly number[];
  readonly after: readonly (readonly number[])[][];
  readonly averages: readonly (readonly number[])[];
}

interface Fixture {
  readonly shapes: readonly Shape[];
  readonly learningRates: readonly number[];
  readonly averageDecay: number;
  readonly optimizers: readonly Row[];
}

const { shapes, learningRates, averageDecay, optimizers } = await readJson<Fixture>("training.json");

type Numbers = Record<string, ArrayLike<number>>;

/** The training graph of parameters whose gradients are given, and what its parameters hold at first. */
async function build(row: Row, optimizer: Optimizer): Promise<{ graph: Graph; squaredNorm?: Value; held: Numbers }> {
  const graph = new Graph();
  let squaredNorm: Value | undefined;
  let gradients = new Map<Value, Value>();
  shapes.forEach((shape, i) => {
    const name = `${row.name}.p${i}`;
    const parameter = graph.parameter(name, shape, () => Promise.resolve(uniform(name, shape)));
    gradients.set(parameter, graph.input(`${name}.grad`, shape));
  });
  if (row.maxNorm) ({ gradients, squaredNorm } = clipGradients(graph, gradients, row.maxNorm));
  for (const [parameter, gradient] of gradients) {
    optimizer.append(graph, parameter, gradient);
    appendAverage(graph, parameter, averageDecay);
  }
  const held: Numbers = {};
  for (const [name, { source }] of graph.parameters) {
    if (source.kind === "parameter") held[name] = await source.load();
  }
  return { graph, squaredNorm, held };
}

/** As PyTorch's float64, but for the scalars that a run is given in float32. */
function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assertEquals(actual.length, expected.length);
  Array.from(actual).forEach((v, i) => assert(Math.abs(v - expected[i]) <= 2e-7, `${v} is not ${expected[i]}`));
}

for (const row of optimizers) {
  Deno.test(`an optimizer makes PyTorch's steps: ${row.name}`, async () => {
    const optimizer = row.kind === "SGD" ? sgd(row.options) : adamW(row.options);
    const { graph, squaredNorm, held } = await build(row, optimizer);
    const updates = [...graph.updates];
    for (const [step, learningRate] of learningRates.entries()) {
      const given: Numbers = { ...held, ...optimizer.inputs(step + 1, learningRate) };
      shapes.forEach((shape, i) => {
        const name = `${row.name}.p${i}.grad`;
        given[name] = uniform(`${name}@${step}`, shape);
      });
      if (squaredNorm) assertClose([Math.sqrt(interpret(graph, given, [squaredNorm])[0][0])], [row.norms[step]]);
      const after = interpret(graph, given, updates.map(([, value]) => value));
      updates.forEach(([{ name }], i) => held[name] = after[i]);
      shapes.forEach((_, i) => assertClose(held[`${row.name}.p${i}`], row.after[step][i]));
    }
    shapes.forEach((_, i) => assertClose(held[stateName(`${row.name}.p${i}`, "average")], row.averages[i]));
  });
}

Deno.test("clipping is tested with norms on both sides of the limit", () => {
  for (const { maxNorm, norms } of optimizers.filter((row) => row.maxNorm)) {
    assert(Math.min(...norms) < maxNorm! && Math.max(...norms) > maxNorm!, `${norms} around ${maxNorm}`);
  }
});

Deno.test("an optimizer remembers what its state says, from where it is told to load it", async () => {
  const load = (parameter: string, state: string) => {
    assertEquals(parameter, "w");
    return state === "exp_avg" ? Promise.resolve(Float32Array.of(1, 2)) : undefined;
  };
  for (const optimizer of [sgd(), sgd({ momentum: 0 }), adamW()]) {
    const graph = new Graph();
    const w = graph.parameter("w", [2], () => Promise.resolve(Float32Array.of(3, 4)));
    optimizer.append(graph, w, graph.input("gradient", [2]), { load });
    const names = ["w", ...optimizer.state.map((state) => stateName("w", state))];
    assertEquals([...graph.updates.keys()].map(({ name }) => name).sort(), names.sort());
    for (const state of optimizer.state) {
      const { source } = graph.parameters.get(stateName("w", state))!;
      assert(source.kind === "parameter");
      assertEquals([...await source.load()], state === "exp_avg" ? [1, 2] : [0, 0]);
    }
  }
});

Deno.test("appendAverage() wants the parameter's update first", () => {
  const graph = new Graph();
  const w = graph.parameter("w", [2], () => Promise.resolve(new Float32Array(2)));
  assertThrows(() => appendAverage(graph, w, 0.9), Error, "w is not updated");
});
