/** Tests the updates of parameters in a run, and reading parameters. */

import { assertEquals, assertRejects } from "@std/assert";
import { openCpu, openCpuPool } from "../../src/cpu/backend.ts";
import { tf } from "../../src/cpu/tfjs.ts";
import { DeviceError, ShapeError } from "../../src/errors.ts";
import { Graph, type Shape, size, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { uniform } from "../support/random_weights.ts";

const { add, conv2d, dynamic_conv2d } = OPERATORS;

function parameter(graph: Graph, name: string, values: number[]): Value {
  return graph.parameter(name, [values.length], () => Promise.resolve(Float32Array.from(values)));
}

/** Answers total, and then adds x to it. */
function counting(): Graph {
  const graph = new Graph();
  const total = parameter(graph, "total", [1, 2]);
  graph.output("total", total);
  graph.update(total, graph.apply(add, "sum", { a: total, b: graph.input("x", [2]) }, {}));
  return graph;
}

Deno.test("run() on the CPU sees what the run before left in a parameter", async () => {
  const executable = await (await openCpu()).compile(counting());
  assertEquals(await executable.run({ x: Float32Array.of(10, 20) }), { total: Float32Array.of(1, 2) });
  assertEquals(await executable.run({ x: Float32Array.of(100, 200) }), { total: Float32Array.of(11, 22) });
  const third = executable.run({ x: Float32Array.of(1, 1) });
  const read = executable.read!(["total"]);
  executable.run({ x: Float32Array.of(5, 5) });
  assertEquals(await third, { total: Float32Array.of(111, 222) });
  assertEquals(await read, { total: Float32Array.of(112, 223) });
  assertEquals(await executable.read!(["total"]), { total: Float32Array.of(117, 228) });
  executable.dispose();
});

Deno.test("run() on the CPU changes no parameter when it fails", async () => {
  const executable = await (await openCpu()).compile(counting());
  await assertRejects(() => executable.run({ x: Float32Array.of(1) }), ShapeError);
  assertEquals(await executable.read!(["total"]), { total: Float32Array.of(1, 2) });
  executable.dispose();
});

Deno.test("run() on the CPU can exchange two parameters, and put an input or an output in one", async () => {
  const graph = new Graph();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name, i) => parameter(graph, name, [i]));
  const x = graph.input("x", [1]);
  const y = graph.apply(add, "y", { a: x, b: x }, {});
  graph.output("y", y);
  ([[a, b], [b, a], [c, x], [d, y]] as const).forEach(([of, value]) => graph.update(of, value));
  const executable = await (await openCpu()).compile(graph);
  const one = (value: number) => Float32Array.of(value);
  assertEquals(await executable.run({ x: one(5) }), { y: one(10) });
  assertEquals(await executable.read!("abcd"), { a: one(1), b: one(0), c: one(5), d: one(10) });
  executable.dispose();
});

/** Convolutions with static and with two dynamic kernels; `trained` replaces their weights by the inputs of the run. */
function convolutions(trained: boolean): { graph: Graph; weights: Record<string, Shape> } {
  const graph = new Graph();
  const weights: Record<string, Shape> = { "conv.weight": [3, 2, 3, 2], "odconv.weight": [2, 3, 2, 3, 2] };
  const [weight, kernels] = Object.entries(weights).map(([name, shape]) => {
    const value = graph.parameter(name, shape, () => Promise.resolve(uniform(name, shape)));
    if (trained) graph.update(value, graph.input(`new ${name}`, shape));
    return value;
  });
  const x = graph.input("x", [2, 2, 5, 4]), kernel = graph.input("kernel", [2, 2]);
  const attributes = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "none" } as const;
  graph.output("conv", graph.apply(conv2d, "conv", { x, weight }, attributes));
  graph.output("odconv", graph.apply(dynamic_conv2d, "odconv", { x, weight: kernels, kernel }, attributes));
  return { graph, weights };
}

Deno.test("run() on the CPU convolves with the weights of the run before", async () => {
  const backend = await openCpu();
  const before = tf.memory().numTensors;
  const { graph, weights } = convolutions(true);
  const inputs = { x: uniform("x", [2, 2, 5, 4]), kernel: uniform("k", [2, 2]) };
  const scaled = (factor: number) =>
    Object.fromEntries(
      Object.entries(weights).map(([name, shape]) => [name, uniform(name, shape).map((v) => factor * v)]),
    );
  const next = (factor: number) =>
    Object.fromEntries(Object.entries(scaled(factor)).map(([name, values]) => [`new ${name}`, values]));
  const executable = await backend.compile(graph);
  const compiled = tf.memory().numTensors;
  const first = await executable.run({ ...inputs, ...next(2) });
  assertEquals(await executable.read!(Object.keys(weights)), scaled(2));
  const second = await executable.run({ ...inputs, ...next(4) });
  for (const name of ["conv", "odconv"]) assertEquals(second[name], first[name].map((v) => 2 * v));
  assertEquals(tf.memory().numTensors, compiled, "tensors are left after a run");
  executable.dispose();
  assertEquals(tf.memory().numTensors, before, "tensors are left after dispose()");
});

Deno.test("read() on the CPU answers copies of parameters that nothing changes", async () => {
  const { graph, weights } = convolutions(false);
  const executable = await (await openCpu()).compile(graph);
  for (const [name, shape] of Object.entries(weights)) {
    const { [name]: values } = await executable.read!([name]);
    assertEquals(values, uniform(name, shape));
    assertEquals(values.fill(0).length, size(shape));
    assertEquals((await executable.read!([name]))[name], uniform(name, shape));
  }
  executable.dispose();
});

Deno.test("read() on the CPU throws ShapeError for a name that no parameter has", async () => {
  const executable = await (await openCpu()).compile(counting());
  await assertRejects(() => executable.read!(["x"]), ShapeError, 'the graph has no parameter "x"');
  executable.dispose();
});

Deno.test("openCpuPool() refuses a graph that changes its parameters", async () => {
  const pool = await openCpuPool(1);
  await assertRejects(() => pool.compile(counting()), DeviceError, "run it on one thread (openCpu)");
  pool.dispose();
});
