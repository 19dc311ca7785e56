import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeviceError, ShapeError } from "../../src/errors.ts";
import type { Tensors } from "../../src/graph/backend.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { relativeError } from "../support/error.ts";
import { random } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";

const { add, mul } = OPERATORS;

function parameter(graph: Graph, name: string, shape: readonly number[], seed: number): Value {
  return graph.parameter(name, shape, () => Promise.resolve(random(shape, seed)));
}

/** y = w + x; then y is stored in w. */
function counter(): Graph {
  const graph = new Graph();
  const w = graph.parameter("w", [5], () => Promise.resolve(Float32Array.of(1, 2, 3, 4, 5)));
  const y = graph.apply(add, "count", { a: w, b: graph.input("x", [5]) }, {});
  graph.output("before", w);
  graph.output("y", y);
  graph.update(w, y);
  return graph;
}

Deno.test("a run sees what parameters held before it and the next run what it made of them", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(counter());
    const one = { x: new Float32Array(5).fill(1) };
    const [first, second, third] = await Promise.all([one, one, one].map((inputs) => executable.run(inputs)));
    assertEquals(first.before, Float32Array.of(1, 2, 3, 4, 5));
    assertEquals(first.y, Float32Array.of(2, 3, 4, 5, 6));
    assertEquals(second.before, first.y);
    assertEquals(third.y, Float32Array.of(4, 5, 6, 7, 8));
    assertEquals(await executable.read(["w"]), { w: third.y });
  });
});

Deno.test("read() answers what runs in flight leave behind, and what was given where no run changes it", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = counter();
    const fixed = parameter(graph, "fixed", [3, 6, 2, 2], 7);
    graph.output("twice", graph.apply(add, "twice", { a: fixed, b: fixed }, {}));
    const executable = await backend.compile(graph);
    const before = await executable.read(["w", "fixed"]);
    const running = executable.run({ x: new Float32Array(5).fill(10) });
    const after = await executable.read(new Set(["fixed", "w"]));
    assertEquals(before, { w: Float32Array.of(1, 2, 3, 4, 5), fixed: random([72], 7) });
    assertEquals(after, { w: (await running).y, fixed: before.fixed });
    assertEquals(await executable.read([]), {});
  });
});

Deno.test("read() throws ShapeError when there is no such parameter and DeviceError when all is disposed", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(counter());
    await assertRejects(() => executable.read(["w", "x"]), ShapeError, `no parameter "x"`);
    executable.dispose();
    await assertRejects(() => executable.read(["w"]), DeviceError, "disposed");
  });
});

Deno.test("read() answers row-major numbers whatever a parameter's rank", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = new Graph();
    const one = graph.input("one", [1]);
    for (const shape of [[7], [5, 6], [3, 5, 2, 3], [2, 5, 3, 2, 2]]) {
      const w = parameter(graph, `w${shape.length}`, shape, shape.length);
      graph.update(w, graph.apply(TRAINING_OPERATORS.scale, "same", { x: w, factor: one }, {}));
    }
    graph.output("one", one);
    const executable = await backend.compile(graph);
    await executable.run({ one: Float32Array.of(1) });
    const found = await executable.read(graph.parameters.keys());
    for (const [name, { shape }] of graph.parameters) assertEquals(found[name], random(shape, shape.length));
  });
});

Deno.test("updates take old values when parameters take each other's, their own or a fixed one's", async () => {
  await withWebGpu({}, async (backend) => {
    const graph = new Graph();
    const [a, b, c, d, fixed] = ["a", "b", "c", "d", "fixed"].map((name, i) => parameter(graph, name, [2, 3], i + 1));
    const old = await Promise.all([1, 2, 3, 4, 5].map((seed) => random([6], seed)));
    graph.update(a, b);
    graph.update(b, a);
    graph.update(c, c);
    graph.update(d, fixed);
    // The same numbers under another name, read after the update could have happened.
    const same = graph.apply(OPERATORS.flatten, "same", { x: a }, {});
    graph.output("y", graph.apply(add, "late", { a: same, b: graph.apply(mul, "square", { x: d, scale: d }, {}) }, {}));
    const executable = await backend.compile(graph);
    const { y } = await executable.run({});
    assertEquals(y, old[0].map((v, i) => Math.fround(v + Math.fround(old[3][i] * old[3][i]))));
    const { a: newA, b: newB, c: newC, d: newD } = await executable.read(["a", "b", "c", "d"]);
    assertEquals([newA, newB, newC, newD], [old[1], old[0], old[2], old[4]]);
  });
});

/** Three layers whose weights are laid out in three ways, their loss, and a step down the gradient. */
function trainingGraph(): Graph {
  const graph = new Graph();
  const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "relu" } as const;
  const x = graph.input("x", [2, 3, 5, 5]);
  const y = graph.apply(OPERATORS.conv2d, "conv", { x, weight: parameter(graph, "conv.w", [6, 3, 3, 3], 1) }, window);
  const z = graph.apply(OPERATORS.dynamic_conv2d, "od", {
    x: y,
    weight: parameter(graph, "od.w", [2, 5, 6, 3, 3], 2),
    kernel: graph.input("kernel", [2, 2]),
  }, window);
  const pooled = graph.apply(OPERATORS.global_avg_pool, "pool", { x: z }, {});
  const operands = { x: pooled, weight: parameter(graph, "fc.w", [7, 5], 3), bias: parameter(graph, "fc.b", [7], 4) };
  const logits = graph.apply(OPERATORS.linear, "fc", operands, { activation: "none" });
  graph.output("logits", logits);
  const labels = graph.input("labels", [2]);
  const loss = graph.apply(TRAINING_OPERATORS.cross_entropy, "loss", { logits, labels }, { labelSmoothing: 0 });
  graph.output("loss", loss);
  const learningRate = graph.input("learning_rate", [1]);
  const sgd = { momentum: 0, weightDecay: 0.01, nesterov: false };
  for (const [weight, gradient] of appendGradients(graph, loss, [...graph.parameters.values()])) {
    const operands = { parameter: weight, gradient, learningRate };
    graph.update(weight, graph.apply(TRAINING_OPERATORS.sgd_step, weight.name, operands, sgd));
  }
  return graph;
}

/** The parameters of {@link trainingGraph} after so many steps in float64. */
async function interpretedSteps(graph: Graph, inputs: Tensors, steps: number): Promise<Record<string, Float64Array>> {
  let now: Record<string, Float64Array> = {};
  for (const [name, { source }] of graph.parameters) {
    if (source.kind === "parameter") now[name] = Float64Array.from(await source.load());
  }
  const updates = [...graph.updates];
  for (let step = 0; step < steps; step++) {
    const values = interpret(graph, { ...now, ...inputs }, updates.map(([, value]) => value));
    now = Object.fromEntries(updates.map(([{ name }], i) => [name, values[i]]));
  }
  return now;
}

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`three training steps leave the interpreter's weights when operands are read from a ${operands}`, async () => {
    const graph = trainingGraph();
    const inputs = {
      x: random([150], 9),
      kernel: Float32Array.of(0.3, 0.7, 0.9, 0.1),
      labels: Float32Array.of(6, 2),
      learning_rate: Float32Array.of(0.5),
    };
    const expected = await interpretedSteps(graph, inputs, 3);
    await withWebGpu({ operands }, async (backend) => {
      const training = await backend.compile(graph);
      const frozen = new Graph();
      const w = parameter(frozen, "conv.w", [6, 3, 3, 3], 1);
      frozen.output("y", frozen.apply(mul, "twice", { x: w, scale: frozen.input("two", [6, 3, 3, 3]) }, {}));
      const inference = await backend.compile(frozen);
      const two = { two: new Float32Array(162).fill(2) };
      const [before] = await Promise.all([inference.run(two), training.run(inputs), training.run(inputs)]);
      await training.run(inputs);
      assertEquals(await inference.run(two), before);
      const found = await training.read(Object.keys(expected));
      for (const [name, numbers] of Object.entries(expected)) {
        const error = relativeError(found[name], numbers);
        assert(error <= 1e-5, `${name}: relative error ${error.toExponential(2)}`);
      }
    });
  });
}
