import { assert, assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../src/errors.ts";
import type { Value } from "../../src/graph/graph.ts";
import { dropoutMaskValues } from "../../src/graph/ops/dropout_mask.ts";
import { hash } from "../../src/random.ts";
import { createModel } from "../../src/models/model/model.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { Module, type Trace, traceModule } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { Dropout } from "../../src/nn/stateless.ts";
import { interpret } from "../support/float64_interpreter.ts";

Deno.test("a batch of one cannot train an attention branch, unless its statistics are frozen", () => {
  const layer = new Sequential(new ODConv2d(4, 4, 3));
  const error = assertThrows(
    () => traceModule(layer, [1, 4, 8, 8], { training: true }),
    ShapeError,
    "more than 1 value per channel when training",
  );
  assert(error.message.startsWith("0.attention.bn (batch_norm_train): "), error.message);
  const graph = traceModule(layer, [1, 4, 8, 8], {
    training: true,
    frozenStatistics: (path) => path === "0.attention.bn",
  });
  assertEquals(graph.updates.size, 0);
  assertEquals(graph.nodes.filter(({ op }) => op.name === "batch_norm").length, 1);
});

/** Runs its layer twice. */
class Twice extends Module {
  constructor(layer: Module) {
    super();
    this.register("layer", layer);
  }

  override forward(trace: Trace, x: Value): Value {
    return trace.call("layer", trace.call("layer", x));
  }
}

Deno.test("a batch norm that runs twice moves its running statistics twice", () => {
  const graph = traceModule(new Twice(new BatchNorm2d(2)), [2, 2, 1, 1], { training: true });
  assertEquals([...graph.updates.keys()].map(({ name }) => name), ["layer.running_mean", "layer.running_var"]);
  const given = {
    x: [1, 5, 3, 9],
    "layer.weight": [1, 1],
    "layer.bias": [4, 0],
    "layer.running_mean": [10, 20],
    "layer.running_var": [1, 1],
  };
  const [mean, variance] = interpret(graph, given, [...graph.updates.values()]);
  // 0.9 of the old and 0.1 of the batch's: means [2, 7], then [4, 0]; unbiased variances [2, 8], then [2, 2].
  assertEquals([...mean].map((v) => v.toFixed(4)), ["8.6800", "16.8300"]);
  assertEquals([...variance].map((v) => v.toFixed(4)), ["1.1900", "1.7300"]);
});

Deno.test("a trace is for inference where nobody says otherwise", () => {
  const names = new Set(createModel({ arch: "od_mobilenetv2_050" }).trace().nodes.map(({ op }) => op.name));
  assert(!names.has("batch_norm_train") && !names.has("dropout_mask") && names.has("dropout"));
});

Deno.test("Dropout in training multiplies by a mask of its seed, step and path", () => {
  const graph = traceModule(new Sequential(new Dropout(0), new Dropout(0.25)), [3, 5], { training: true });
  assertEquals(graph.nodes.map(({ op }) => op.name), ["dropout_mask", "mul"]);
  const x = Array(15).fill(2);
  const { logits } = interpret(graph, { x, dropout_seed: [7], dropout_step: [3] });
  const mask = dropoutMaskValues(7, 3, { shape: [3, 5], p: 0.25, salt: hash("1") }, 15);
  assertEquals([...logits], [...mask].map((v) => 2 * v));
  assertThrows(() => traceModule(new Dropout(1), [3, 5], { training: true }), ShapeError, "p is 1");
});

Deno.test("dropout_mask's numbers are what they have always been", () => {
  // Recorded; any device must give these, and a resumed run relies on them.
  const bits = dropoutMaskValues(1, 2, { shape: [32], p: 0.5, salt: 0xdeadbeef }, 32);
  assertEquals([...bits].map((v) => v ? 1 : 0).join(""), "11000100101011110010001100001100");
});

Deno.test("dropout_mask drops a share of p, independently by element, step, seed and layer", () => {
  const n = 1 << 16;
  const mask = (seed: number, step: number, salt: number, p = 0.5) =>
    dropoutMaskValues(seed, step, { shape: [n], p, salt }, n);
  for (const p of [0.1, 0.2, 0.5, 0.9]) {
    const kept = mask(1, 1, 5, p).filter((v) => v > 0);
    // Five standard deviations of a binomial count.
    assert(Math.abs(kept.length - (1 - p) * n) < 5 * Math.sqrt(n * p * (1 - p)), `p ${p}: ${kept.length} of ${n}`);
    assertEquals(kept[0], Math.fround(1 / (1 - p)));
  }
  const base = mask(1, 1, 5);
  const neighbours = [base.subarray(1), mask(1, 2, 5), mask(2, 1, 5), mask(1, 1, 6), mask(5, 1, 1)];
  neighbours.forEach((other, which) => {
    const same = other.reduce((count, v, i) => count + (v === base[i] ? 1 : 0), 0);
    assert(Math.abs(same - n / 2) < 5 * Math.sqrt(n / 4), `${which}: ${same} of ${n} agree`);
  });
});
