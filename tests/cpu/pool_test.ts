import { assertEquals, assertRejects } from "@std/assert";
import { openCpu, openCpuPool } from "../../src/cpu/backend.ts";
import { DeviceError, ShapeError } from "../../src/errors.ts";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/graph.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { linear } from "../../src/graph/ops/linear.ts";
import { uniform } from "../support/random_weights.ts";
import { smallGraph, smallGraphResult } from "../support/small_graph.ts";

Deno.test("openCpuPool() answers runs in their order, more of them than it has workers", async () => {
  const pool = await openCpuPool(2);
  const executable = await pool.compile(smallGraph());
  const order: number[] = [];
  await Promise.all(Array.from({ length: 7 }, async (_, i) => {
    assertEquals(await executable.run({ x: new Float32Array(150).fill(i) }), smallGraphResult(i));
    order.push(i);
  }));
  assertEquals(order, [0, 1, 2, 3, 4, 5, 6]);
  executable.dispose();
  pool.dispose();
});

Deno.test("openCpuPool() computes the same bits as openCpu()", async () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 6, 9, 7]);
  const kernel = graph.input("kernel", [2, 4]);
  const weight = graph.parameter("weight", [4, 5, 6, 3, 3], () => Promise.resolve(uniform("w", [4, 5, 6, 3, 3])));
  graph.output(
    "y",
    graph.apply(dynamicConv2d, "layer", { x, weight, kernel }, {
      stride: [2, 2],
      padding: [1, 1],
      dilation: [1, 1],
      groups: 1,
      activation: "relu",
    }),
  );
  const inputs = { x: uniform("x", x.shape), kernel: uniform("kernel", kernel.shape) };
  const pool = await openCpuPool(1);
  const [shared, own] = [await pool.compile(graph), await (await openCpu()).compile(graph)];
  assertEquals(await shared.run(inputs), await own.run(inputs));
  own.dispose();
  pool.dispose();
});

Deno.test("openCpuPool() computes gradients", async () => {
  const graph = new Graph();
  const weight = graph.parameter("weight", [2, 3], () => Promise.resolve(Float32Array.of(1, 2, 3, 4, 5, 6)));
  const x = graph.input("x", [1, 3]);
  const y = graph.apply(linear, "fc", { x, weight }, { activation: "none" });
  graph.output("x", appendGradients(graph, y, [x], graph.input("upstream", [1, 2])).get(x)!);
  const pool = await openCpuPool(2);
  const executable = await pool.compile(graph);
  const answer = await executable.run({ x: new Float32Array(3), upstream: Float32Array.of(1, 10) });
  assertEquals(answer, { x: Float32Array.of(41, 52, 63) });
  executable.dispose();
  pool.dispose();
});

Deno.test("openCpuPool() passes on a worker's error and goes on", async () => {
  const pool = await openCpuPool(1);
  const executable = await pool.compile(smallGraph());
  const wrong = executable.run({ x: new Float32Array(3) });
  const right = executable.run({ x: new Float32Array(150).fill(1) });
  await assertRejects(() => wrong, ShapeError, 'the input "x" has 3 numbers');
  assertEquals(await right, smallGraphResult(1));
  pool.dispose();
  await assertRejects(() => executable.run({ x: new Float32Array(150) }), DeviceError, "disposed");
});

Deno.test("openCpuPool() throws DeviceError when asked for less than one worker", async () => {
  await assertRejects(() => openCpuPool(0), DeviceError, "0 CPU workers: expected 1 or more");
});
