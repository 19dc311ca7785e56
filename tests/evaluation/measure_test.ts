/**
 * Tests that a model's inference settings determine the measurement, the report, and which journals and shards belong
 * together.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IMAGENET_NAMES } from "../../src/data/labels/imagenet.ts";
import { CIFAR10 } from "../../src/data/pixels/preprocessing.ts";
import { DataError } from "../../src/errors.ts";
import { measure, type MeasureOptions, usualBatch } from "../../src/evaluation/measure.ts";
import { formatReport, mergeReports } from "../../src/evaluation/report.ts";
import { parseReport } from "../../src/evaluation/report_file.ts";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { type Architecture, REGISTRY } from "../../src/models/architectures/registry.ts";
import { formulaImage } from "../data/formula_image.ts";
import { openTestDevice } from "../support/devices.ts";
import { memoryDataset } from "../support/memory_dataset.ts";

const DATA = memoryDataset(4, (index) => Promise.resolve(formulaImage(40 + index, 64)));

async function measured(model: Model, options: Partial<MeasureOptions> = {}) {
  const backend = await openTestDevice("cpu");
  return await measure(model, DATA, backend, { weights: { path: "w", sha256: "" }, ...options });
}

Deno.test("a row of the registry is all that a model of images of another size takes", async () => {
  const registry = REGISTRY as Map<string, Architecture>;
  const row = REGISTRY.get("resnet20")!;
  for (const [imageSize, resize] of [[8, 11], [48, null], [65, 64]]) {
    registry.set("new", { ...row, imageSize: imageSize!, preprocessing: { ...CIFAR10, resize, crop: null } });
    try {
      const { images, inference } = await measured(createModel({ arch: "new" }));
      assertEquals([images, inference?.imageSize, inference?.resize], [4, imageSize, resize ?? imageSize]);
    } finally {
      registry.delete("new");
    }
  }
});

Deno.test("`usualBatch()` has fewer of larger images, and one at least", async () => {
  const cpu = await openTestDevice("cpu");
  const batches = (name: "webgpu" | "cpu") =>
    [32, 64, 224, 288, 1000, 4096].map((imageSize) =>
      usualBatch(createModel({ arch: "resnet20" }, { imageSize }), { ...cpu, name })
    );
  assertEquals(batches("webgpu"), [128, 128, 16, 9, 1, 1]);
  assertEquals(batches("cpu"), [128, 49, 4, 2, 1, 1]);
});

Deno.test("a report says how its model was used; shards that were used otherwise do not merge", async () => {
  const model = createModel({ arch: "resnet20" });
  const shard = async (index: number, used = model) => await measured(used, { shard: { index, count: 2 } });
  const [first, second] = [await shard(1), await shard(2)];
  const { imageSize, resize, interpolation, mean, std, temperature } = model.inference;
  const said = { imageSize, resize, interpolation, mean, std, temperature };
  assertEquals(mergeReports(new Map([["1", first], ["2", second]])).inference, said);
  assertEquals(parseReport(JSON.parse(formatReport(first)), "1").inference, said);
  for (const other of [{ imageSize: 24 }, { interpolation: "bicubic" }, { mean: [0, 0, 0] }] as const) {
    const otherwise = await shard(2, model.withInference(other));
    assertThrows(() => mergeReports(new Map([["1", first], ["2", otherwise]])), DataError, "differ in size and prep");
  }
  const older = { ...JSON.parse(formatReport(first)), inference: undefined };
  assertEquals(parseReport(older, "1").inference, undefined);
  for (const wrong of [{ imageSize: 1e9 }, { mean: [1, 2] }, { interpolation: "box" }, { temperature: null }]) {
    assertThrows(() => parseReport({ ...older, inference: { ...said, ...wrong } }, "1"), DataError, "1: inference: ");
  }
});

Deno.test("a journal is not gone on with by a model that is used otherwise", async () => {
  const model = createModel({ arch: "resnet20" });
  const journal = await Deno.makeTempFile();
  try {
    await measured(model, { journal });
    for (const other of [{ imageSize: 24 }, { resize: 40 }, { std: [1, 1, 1] }, { temperature: 2 }] as const) {
      const [member] = Object.keys(other);
      const message = `its ${member} is `;
      await assertRejects(() => measured(model.withInference(other), { journal }), DataError, message);
    }
    assertEquals(
      (await measured(model.withInference({ classNames: IMAGENET_NAMES.slice(0, 10) }), { journal })).images,
      4,
    );
  } finally {
    await Deno.remove(journal);
  }
});
