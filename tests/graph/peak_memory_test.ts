import { assertEquals } from "@std/assert";
import { Graph } from "../../src/graph/graph.ts";
import { add, relu } from "../../src/graph/ops/elementwise.ts";
import { peakMemory } from "../../src/graph/peak_memory.ts";

const zeros = (length: number) => () => Promise.resolve(new Float32Array(length));

Deno.test("peakMemory() counts parameters always and values from their node to their last use", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 10]);
  const bias = graph.parameter("bias", [2, 10], zeros(20));
  const a = graph.apply(relu, "a", { x }, {});
  const b = graph.apply(relu, "b", { x: a }, {});
  const c = graph.apply(add, "c", { a: b, b: bias }, {});
  graph.output("c", c);
  // At any moment two of the values x, a, b and c are alive. Each has 20 numbers.
  assertEquals(peakMemory(graph), { parameters: 80, activations: 160, total: 240 });
  graph.output("a", a);
  assertEquals(peakMemory(graph).activations, 240);
});
