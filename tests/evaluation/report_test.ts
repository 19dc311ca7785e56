import { assert, assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import type { Prediction } from "../../src/evaluation/accuracy.ts";
import { formatReport, makeReport, mergeReports, type Report } from "../../src/evaluation/report.ts";
import { parseReport } from "../../src/evaluation/report_file.ts";
import { shardRange } from "../../src/evaluation/shard.ts";

/** Predictions with losses whose sum depends on the order of addition. */
const predictions: Prediction[] = Array.from({ length: 11 }, (_, i) => ({
  file: `c/${i}.png`,
  label: i % 3,
  loss: 0.1 * (i + 1) + 1e-15 * i,
  top5: [0, 1, 2].map((j) => ({ class: (i + j * j) % 3, logit: Math.fround(1.1 - j) })),
}));

const context = {
  model: "od_resnet20",
  kernelNum: 4,
  weights: { path: "w.safetensors", sha256: "ab" },
  device: "cpu: tfjs",
  dataset: "/data/val",
  skipped: ["c/broken.png"],
  seconds: 2,
};

const whole = makeReport(context, predictions);

function shard(index: number, count: number, changes: Partial<Report> = {}): Report {
  const { start, end } = shardRange({ index, count }, predictions.length);
  return makeReport({
    ...context,
    skipped: index === 1 ? context.skipped : [],
    shard: { index, count, of: predictions.length + 1 },
    seconds: 2 / count,
    ...changes,
  }, predictions.slice(start, end));
}

function named(...reports: Report[]): Map<string, Report> {
  return new Map(reports.map((report, i) => [`${i}.json`, report]));
}

Deno.test("`mergeReports()` answers the report of the whole, whatever order the shards come in", () => {
  for (const order of [[1, 2, 3, 4], [3, 1, 4, 2]]) {
    const merged = mergeReports(named(...order.map((i) => shard(i, 4))));
    assertEquals(JSON.parse(formatReport(merged)), JSON.parse(formatReport(whole)));
  }
  assertEquals(mergeReports(named(shard(1, 1))).predictions, predictions);
});

Deno.test("`mergeReports()` has no speed when no time was measured", () => {
  const merged = mergeReports(named(shard(1, 2, { seconds: 0 }), shard(2, 2, { seconds: 0 })));
  assertEquals([merged.seconds, merged.imagesPerSecond], [0, 0]);
});

Deno.test("`mergeReports()` joins the names of the devices when they differ", () => {
  assertEquals(mergeReports(named(shard(1, 2), shard(2, 2, { device: "webgpu: x" }))).device, "cpu: tfjs, webgpu: x");
});

Deno.test("`mergeReports()` takes a data set that lies in another folder, and throws when it is another one", () => {
  assertEquals(mergeReports(named(shard(1, 2), shard(2, 2, { dataset: "D:\\images\\val" }))).images, 11);
  assertThrows(() => mergeReports(named(shard(1, 2), shard(2, 2, { dataset: "/data/train" }))), DataError, "data set");
});

Deno.test("`mergeReports()` throws when reports are missing, doubled, cut short or of different runs", () => {
  const rejected: [Report[], string][] = [
    [[shard(1, 3), shard(3, 3)], "of 3 shards 1 are missing: 2"],
    [[shard(1, 2), shard(1, 2)], "1.json is shard 1/2, which another report is already"],
    [[shard(1, 2), shard(2, 3)], "number of shards: 3 and 2"],
    [[shard(1, 2), whole], "1.json reports no shard"],
    [[shard(1, 2), shard(2, 2, { model: "resnet20" })], "model: resnet20 and od_resnet20"],
    [[shard(1, 2), shard(2, 2, { weights: { path: "w.safetensors", sha256: "cd" } })], "SHA-256 of the weights"],
    [[shard(1, 2), shard(2, 2, { shard: { index: 2, count: 2, of: 500 } })], "images of all shards: 500 and 12"],
    [[{ ...shard(1, 2), skipped: [] }, shard(2, 2)], "hold 11 images, expected 12"],
  ];
  for (const [reports, message] of rejected) assertThrows(() => mergeReports(named(...reports)), DataError, message);
});

Deno.test("`shardRange()` cuts into parts that follow each other and differ by at most one image", () => {
  for (const [count, images] of [[1, 7], [2, 7], [3, 50000], [7, 7], [8, 50000]]) {
    const sizes = [];
    let at = 0;
    for (let index = 1; index <= count; index++) {
      const { start, end } = shardRange({ index, count }, images);
      assertEquals(start, at);
      sizes.push(end - start);
      at = end;
    }
    assertEquals(at, images);
    assert(Math.max(...sizes) - Math.min(...sizes) <= 1);
  }
});

Deno.test("`shardRange()` throws when a shard would be empty", () => {
  assertThrows(() => shardRange({ index: 1, count: 4 }, 3), DataError, "shard 1/4 of 3 images is empty");
});

Deno.test("`parseReport()` reads what `formatReport()` writes, a prediction a line", () => {
  for (const report of [whole, shard(2, 3), makeReport({ ...context, published: { top1: 1, top5: 2 } }, predictions)]) {
    const text = formatReport(report);
    assertEquals(formatReport(parseReport(JSON.parse(text), "r.json")), text);
    assertEquals(text.split("\n").filter((line) => line.includes('"file"')).length, report.images);
  }
});

Deno.test("`parseReport()` names the field when it is not what a report has", () => {
  const json = () => JSON.parse(formatReport(shard(2, 3)));
  // deno-lint-ignore no-explicit-any -- each case damages another part of the JSON
  const rejected: [(report: any) => unknown, string][] = [
    [(r) => delete r.model, "r.json: model is nothing, expected a text"],
    [(r) => r.weights = [], "r.json: weights is [], expected an object"],
    [(r) => r.shard.index = 9, "r.json: shard: index is 9, expected a whole number from 1 to 3"],
    [(r) => r.images = 99, "r.json: images is 99, but there are"],
    [(r) => r.predictions[1].label = -1, "r.json: predictions[1]: label is -1, expected a whole number from 0"],
    [(r) => r.predictions[1].loss = null, "r.json: predictions[1]: loss is null, expected a number"],
    [(r) => r.predictions[0].top5 = Array(6).fill({ class: 0, logit: 0 }), "expected a list of at most 5"],
    [(r) => r.predictions = [], "no image of /data/val could be evaluated"],
    [(r) => r.skipped = ["a".repeat(1000), 1], "r.json: skipped[1] is 1, expected a text"],
  ];
  for (const [damage, message] of rejected) {
    const damaged = json();
    damage(damaged);
    assertThrows(() => parseReport(damaged, "r.json"), DataError, message);
  }
  assertThrows(() => parseReport([], "r.json"), DataError, "r.json is [], expected an object");
});
