import { assert, assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../src/errors.ts";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { interpret } from "../support/float64_interpreter.ts";

const { linear, relu, sigmoid, dropout, mul, add } = OPERATORS;
const { sum, cross_entropy } = TRAINING_OPERATORS;

/** Two linear layers. The loss is the sum of the result. */
function twoLayers() {
  const graph = new Graph();
  const x = graph.input("x", [2, 3]);
  const [w1, w2] = [graph.input("w1", [4, 3]), graph.input("w2", [5, 4])];
  const hidden = graph.apply(linear, "first", { x, weight: w1 }, { activation: "none" });
  const y = graph.apply(linear, "second", { x: hidden, weight: w2 }, { activation: "none" });
  return { graph, x, w1, w2, loss: graph.apply(sum, "loss", { x: y }, { scale: 1 }) };
}

function appended(graph: Graph, append: () => void): string[] {
  const before = graph.nodes.length;
  append();
  return graph.nodes.slice(before).map(({ op }) => op.name);
}

Deno.test("appendGradients() spends nothing on what is frozen", () => {
  const last = twoLayers();
  assertEquals(appended(last.graph, () => appendGradients(last.graph, last.loss, [last.w2])), [
    "fill",
    "linear_weight_grad",
  ]);
  const first = twoLayers();
  assertEquals(appended(first.graph, () => appendGradients(first.graph, first.loss, [first.w1])), [
    "fill",
    "linear_input_grad",
    "linear_weight_grad",
  ]);
});

Deno.test("appendGradients() leaves out what the loss does not depend on", () => {
  const { graph, loss } = twoLayers();
  const other = graph.input("other", [1]);
  graph.apply(relu, "after", { x: other }, {});
  const nodes = graph.nodes.length;
  assertEquals(appendGradients(graph, loss, [other]).size, 0);
  assertEquals(graph.nodes.length, nodes);
});

Deno.test("appendGradients() adds up the gradients of a value that is used several times", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 3]);
  const square = graph.apply(mul, "square", { x, scale: x }, {});
  const cube = graph.apply(mul, "cube", { x: square, scale: x }, {});
  const both = graph.apply(add, "both", { a: cube, b: square }, {});
  const gradient = appendGradients(graph, graph.apply(sum, "loss", { x: both }, { scale: 1 }), [x]).get(x)!;
  const given = { x: [1, 2, 3, -1, -2, 0.5] };
  assertEquals([...interpret(graph, given, [gradient])[0]], given.x.map((v) => 3 * v * v + 2 * v));
});

Deno.test("appendGradients() scales everything by the input loss_weight, 1 where it is not given", () => {
  const { graph, x, w1, w2, loss } = twoLayers();
  const gradient = appendGradients(graph, loss, [w1]).get(w1)!;
  const given = { x: [1, 2, 3, 4, 5, 6], w1: Array(12).fill(1), w2: Array(20).fill(0.5) };
  const [whole] = interpret(graph, given, [gradient]);
  const [quarter] = interpret(graph, { ...given, loss_weight: [0.25] }, [gradient]);
  assertEquals([...quarter], [...whole].map((v) => v / 4));
  assertEquals([...whole].slice(0, 3), [1 + 4, 2 + 5, 3 + 6].map((v) => v * 2.5));
  assertEquals([x.shape, w2.shape], [[2, 3], [5, 4]]);
});

Deno.test("appendGradients() answers the upstream gradient for the loss itself", () => {
  const graph = new Graph();
  const [x, upstream] = [graph.input("x", [2, 3]), graph.input("upstream", [2, 3])];
  assert(appendGradients(graph, x, [x], upstream).get(x) === upstream);
});

Deno.test("appendGradients() refuses a loss of several numbers and what has no rule, by name", () => {
  const graph = new Graph();
  const [x, temperature] = [graph.input("x", [2, 3]), graph.input("temperature", [1])];
  assertThrows(() => appendGradients(graph, x, [x]), ShapeError, "x is [2, 3], a loss is one number");
  const dropped = graph.apply(dropout, "drop", { x }, { p: 0.5 });
  assertThrows(() => appendGradients(graph, dropped, [x], x), Error, "drop: the operator dropout has no gradient rule");
  const y = graph.apply(sigmoid, "gate", { x, temperature }, {});
  const message = "gate: the operator sigmoid has no gradient to its temperature";
  assertThrows(() => appendGradients(graph, y, [temperature], x), Error, message);
});

Deno.test("cross_entropy refuses labels of another batch and a smoothing of 1", () => {
  const graph = new Graph();
  const [logits, labels] = [graph.input("logits", [2, 3]), graph.input("labels", [3])];
  const apply = (labelSmoothing: number, batch = labels) => () =>
    graph.apply(cross_entropy, "loss", { logits, labels: batch }, { labelSmoothing });
  assertThrows(apply(0), ShapeError, "loss (cross_entropy): labels is [3], expected [2]");
  assertThrows(apply(1, graph.input("two", [2])), ShapeError, "label smoothing is 1");
});
