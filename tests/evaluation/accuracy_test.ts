import { assert, assertEquals } from "@std/assert";
import { accuracy, crossEntropy, type Prediction, softmax, topK } from "../../src/evaluation/accuracy.ts";
import torch from "../fixtures/accuracy.json" with { type: "json" };

const rows = torch.logits.map((row) => Float32Array.from(row));

function assertClose(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

Deno.test("`topK()` answers torch.topk's classes and values", () => {
  rows.forEach((logits, i) => {
    const expected = torch.classes[i].map((c, j) => ({ class: c, logit: torch.values[i][j] }));
    assertEquals(topK(logits, 5), expected);
  });
});

Deno.test("`topK()` puts the lower class first when logits are equal", () => {
  const classes = (k: number, ...logits: number[]) => topK(Float32Array.from(logits), k).map((s) => s.class);
  assertEquals(classes(5, 1, 1, 1, 1, 1, 1, 1), [0, 1, 2, 3, 4]);
  assertEquals(classes(3, 0, 2, 1, 2, 1), [1, 3, 2]);
  assertEquals(classes(1, -1, -1), [0]);
});

Deno.test("`topK()` answers all classes when there are fewer than k", () => {
  assertEquals(topK(Float32Array.of(1, 3), 5), [{ class: 1, logit: 3 }, { class: 0, logit: 1 }]);
});

Deno.test("`crossEntropy()` answers PyTorch's float64 loss, however large the logits", () => {
  rows.forEach((logits, i) => assertClose(crossEntropy(logits, torch.labels[i]), torch.losses[i]));
});

Deno.test("`softmax()` answers PyTorch's probabilities", () => {
  softmax(rows[3]).forEach((p, i) => assertClose(p, torch.softmax[i]));
});

Deno.test("`accuracy()` answers PyTorch's means", () => {
  const predictions = rows.map((logits, i): Prediction => ({
    file: `${i}`,
    label: torch.labels[i],
    loss: crossEntropy(logits, torch.labels[i]),
    top5: topK(logits, 5),
  }));
  const { top1, top5, loss } = accuracy(predictions);
  assertClose(top1, torch.top1);
  assertClose(top5, torch.top5);
  assertClose(loss, torch.loss);
});
