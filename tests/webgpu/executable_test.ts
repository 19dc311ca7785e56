import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DeviceError, ShapeError } from "../../src/errors.ts";
import { Graph, type Operator, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { gridOf } from "../../src/webgpu/plan/kernel.ts";
import { random } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";

const { relu, add } = OPERATORS;

function reluGraph(shape: readonly number[]): Graph {
  const graph = new Graph();
  graph.output("y", graph.apply(relu, "layer1.relu", { x: graph.input("x", shape) }, {}));
  return graph;
}

Deno.test("run() answers each run's own numbers when several are in flight", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(reluGraph([2, 3, 4, 5]));
    const inputs = Array.from({ length: 5 }, (_, i) => random([120], i + 1));
    const answers = await Promise.all(inputs.map((x) => executable.run({ x })));
    answers.forEach(({ y }, i) => assertEquals(y, inputs[i].map((v) => Math.max(v, 0))));
  });
});

Deno.test("run() answers intermediate values and inputs when they are outputs of the graph", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = new Graph();
    const x = graph.input("x", [1, 3, 2, 2]);
    const once = graph.apply(add, "once", { a: x, b: x }, {});
    const twice = graph.apply(add, "twice", { a: once, b: once }, {});
    for (const [name, value] of Object.entries({ x, once, twice })) graph.output(name, value);
    const given = random([12], 3);
    const answer = await (await backend.compile(graph)).run({ x: given });
    assertEquals(answer.x, given);
    assertEquals(answer.once, given.map((v) => 2 * v));
    assertEquals(answer.twice, given.map((v) => 4 * v));
  });
});

Deno.test("run() takes an input's initial numbers when it is not given, and the given ones when it is", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = new Graph();
    const x = graph.input("x", [1, 2], Float32Array.of(1, 2));
    graph.output("y", graph.apply(relu, "relu", { x }, {}));
    const executable = await backend.compile(graph);
    const given = await executable.run({ x: Float32Array.of(3, 4) });
    const initial = await executable.run({});
    assertEquals([given.y, initial.y], [Float32Array.of(3, 4), Float32Array.of(1, 2)]);
  });
});

Deno.test("run() throws ShapeError when an input is missing, unknown or of the wrong length", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(reluGraph([1, 3]));
    await assertRejects(() => executable.run({}), ShapeError, `"x" [1, 3] is missing`);
    await assertRejects(() => executable.run({ x: new Float32Array(3), z: new Float32Array(1) }), ShapeError, `"z"`);
    await assertRejects(() => executable.run({ x: new Float32Array(4) }), ShapeError, "4 numbers, expected 3");
  });
});

Deno.test("run() throws DeviceError when the executable or the device was disposed", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(reluGraph([1, 3]));
    const x = new Float32Array(3);
    const inFlight = executable.run({ x });
    executable.dispose();
    await assertRejects(() => executable.run({ x }), DeviceError, "disposed");
    assertEquals((await inFlight).y, x);
    backend.dispose();
    await assertRejects(() => backend.compile(reluGraph([1, 3])), DeviceError, "disposed");
  });
});

Deno.test("run() throws DeviceError with the device's own words when an error went uncaptured", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(reluGraph([1, 3]));
    backend.device.createBuffer({ label: "broken", size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    // The event may come before or during a run, at the latest when the run after that begins.
    const x = new Float32Array(3);
    await executable.run({ x }).catch(() => {});
    const error = await assertRejects(() => executable.run({ x }), DeviceError, "WebGPU");
    assertStringIncludes(error.message, backend.description);
  });
});

Deno.test("compile() says what batch fits when a tensor exceeds a binding", async () => {
  await withWebGpu({ maxBindingBytes: 2 ** 20 }, async (backend) => {
    const error = await assertRejects(
      () => backend.compile(reluGraph([10, 8, 100, 100])),
      DeviceError,
      "a batch of 3 fits",
    );
    assertStringIncludes(error.message, "[10, 8, 100, 100]");
    const single = await assertRejects(() => backend.compile(reluGraph([1, 64, 100, 100])), DeviceError);
    assertStringIncludes(single.message, "use smaller images or the CPU");
  });
});

Deno.test("compile() throws DeviceError naming the parameter when it exceeds a binding", async () => {
  await withWebGpu({ operands: "buffer", maxBindingBytes: 2 ** 12 }, async (backend) => {
    const graph = new Graph();
    const load = () => Promise.resolve(new Float32Array(64 * 64));
    const operands = { x: graph.input("x", [1, 64]), weight: graph.parameter("fc.weight", [64, 64], load) };
    graph.output("y", graph.apply(OPERATORS.linear, "fc", operands, { activation: "none" }));
    await assertRejects(() => backend.compile(graph), DeviceError, "fc.weight");
  });
});

Deno.test("compile() throws ShapeError naming the parameter when its numbers do not fit its shape", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = new Graph();
    const scale = graph.parameter("scale", [3], () => Promise.resolve(new Float32Array(2)));
    graph.output("y", graph.apply(OPERATORS.mul, "mul", { x: graph.input("x", [1, 3]), scale }, {}));
    await assertRejects(() => backend.compile(graph), ShapeError, "scale has 2 numbers, expected 3");
  });
});

Deno.test("compile() throws DeviceError naming the layer when an operator has no kernel", async () => {
  await withWebGpu({}, async (backend) => {
    const unknown: Operator<{ x: Value }, Record<never, never>> = { name: "erf", shape: ({ x }) => x.shape };
    const graph = new Graph();
    graph.output("y", graph.apply(unknown, "layer9", { x: graph.input("x", [1, 3]) }, {}));
    await assertRejects(
      () => backend.compile(graph),
      DeviceError,
      `layer9: WebGPU has no kernel for the operator "erf"`,
    );
  });
});

Deno.test("compile() loads every parameter once when kernels of two layouts use it", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = new Graph();
    let loads = 0;
    const weight = graph.parameter("w", [3, 3], () => (loads++, Promise.resolve(random([9], 1))));
    const x = graph.input("x", [3, 3]);
    const y = graph.apply(OPERATORS.linear, "fc", { x, weight }, { activation: "none" });
    graph.output("z", graph.apply(add, "add", { a: y, b: weight }, {}));
    await (await backend.compile(graph)).run({ x: random([9], 2) });
    assertEquals(loads, 1);
  });
});

for (const clock of ["timestamps", "wall"] as const) {
  Deno.test(`profile() answers when every step ran, one after the other, by ${clock}`, async () => {
    await withWebGpu({}, async (backend) => {
      const executable = await backend.compile(reluGraph([1, 8, 64, 64]));
      const times = await executable.profile({ x: random([8 * 64 * 64], 1) }, clock);
      assertEquals(times.map(({ kernel }) => kernel), ["pack_input", "relu", "unpack_output"]);
      assertEquals(times[0].start, 0);
      times.slice(1).forEach(({ start }, i) => assert(start >= times[i].start + times[i].milliseconds));
      assert(
        times.every(({ milliseconds }) => milliseconds >= 0) && times.some(({ milliseconds }) => milliseconds > 0),
      );
    });
  });
}

Deno.test("gridOf() folds a grid into two dimensions when one does not hold it", () => {
  assertEquals(gridOf(65535, 65535), [65535, 1]);
  const [x, y] = gridOf(1_000_003, 65535);
  assert(x <= 65535 && y <= 65535 && x * y >= 1_000_003 && x * y < 1_000_003 + x);
});
