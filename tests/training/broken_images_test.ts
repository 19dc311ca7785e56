/** Tests that a broken image loses no finished work. The run is saved and continues from there as if uninterrupted. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { DecodePool } from "../../src/data/pool/decode_pool.ts";
import { IMAGENET } from "../../src/data/pixels/preprocessing.ts";
import { DataError } from "../../src/errors.ts";
import { epochBatches } from "../../src/training/batches.ts";
import type { EpochMetrics } from "../../src/training/metrics.ts";
import { inFolder, RECIPE, SIZE, smallDataset, smallRun } from "./small_run.ts";

const FILES = ["last.safetensors", "last.state.safetensors", "best.safetensors", "best.state.safetensors"];

/** A data set whose images of those numbers are cut off, as files in a folder. */
function broken(name: string, length: number, ...numbers: number[]): Dataset {
  const whole = smallDataset(name, length);
  const png = Uint8Array.of(0x89, ..."PNG\r\n\x1a\n".split("").map((c) => c.charCodeAt(0)));
  return {
    ...whole,
    path: (index) => `data/${name}/${index}.png`,
    load: (index) => numbers.includes(index) ? Promise.resolve(png) : whole.load(index),
  };
}

/** The lines of a run, but for how long it took. */
async function metricsOf(folder: string): Promise<(Partial<EpochMetrics> & { step?: number })[]> {
  const text = await Deno.readTextFile(`${folder}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line)).map(({ seconds: _, ...line }) => line);
}

async function assertSameRun(folder: string, whole: string): Promise<void> {
  for (const file of FILES) {
    assertEquals(await Deno.readFile(`${folder}/${file}`), await Deno.readFile(`${whole}/${file}`), file);
  }
  assertEquals(await metricsOf(folder), await metricsOf(whole));
}

Deno.test("a broken image of the validation loses no step: the mended run goes straight to validating", async () => {
  await inFolder(async (whole) =>
    await inFolder(async (folder) => {
      const recipe = { ...RECIPE, ema: 0.9, dropout: 0.2 };
      await smallRun(whole, { recipe });
      const error = await assertRejects(
        () => smallRun(folder, { recipe, validation: broken("val", 5, 4) }),
        DataError,
        "data/val/4.png: ",
      );
      assertStringIncludes(
        error.message,
        `mend the file and go on with --resume ${folder}; --skip-bad leaves out broken`,
      );
      const steps: number[] = [];
      await smallRun(folder, { resume: true, onStep: ({ step }) => steps.push(step) });
      assertEquals(steps, [3, 4, 5]);
      await assertSameRun(folder, whole);
    })
  );
});

Deno.test("the same after the last epoch, and for a run that was told to stop in an epoch's last step", async () => {
  await inFolder(async (whole) =>
    await inFolder(async (folder) => {
      await smallRun(whole);
      const stop = new AbortController();
      const onStep = ({ step }: { step: number }) => step === 2 && stop.abort();
      assertEquals((await smallRun(folder, { signal: stop.signal, onStep })).finished, false);
      assertEquals((await metricsOf(folder)).length, 3);
      const validation = broken("val", 5, 0);
      const late: Dataset = {
        ...validation,
        load: (i) => i === 0 && done ? validation.load(0) : smallDataset("val", 5).load(i),
      };
      let done = false;
      const fails = smallRun(folder, { resume: true, validation: late, onStep: ({ step }) => done = step === 5 });
      await assertRejects(() => fails, DataError, "data/val/0.png");
      assertEquals((await metricsOf(folder)).at(-1)?.step, 5);
      const steps: number[] = [];
      assert((await smallRun(folder, { resume: true, onStep: ({ step }) => steps.push(step) })).finished);
      assertEquals(steps, []);
      await assertSameRun(folder, whole);
    })
  );
});

Deno.test("a broken training image at an epoch's end loses none of the steps before it", async () => {
  await inFolder(async (whole) =>
    await inFolder(async (folder) => {
      const recipe = { ...RECIPE, shuffle: false };
      await smallRun(whole, { recipe });
      // Steps have images 0 to 3, 4 to 7 and 8 to 10.
      const run = () => smallRun(folder, { recipe, training: broken("train", 11, 10) });
      await assertRejects(run, DataError, "what is done is saved");
      assertEquals((await metricsOf(folder)).map(({ step }) => step), [0, 1]);
      const steps: number[] = [];
      await smallRun(folder, { resume: true, onStep: ({ step }) => steps.push(step) });
      assertEquals(steps, [2, 3, 4, 5]);
      await assertSameRun(folder, whole);
    })
  );
});

Deno.test("a run that leaves out broken images counts them, and resumed ends as one that was not stopped", async () => {
  await inFolder(async (whole) =>
    await inFolder(async (folder) => {
      const sets = { training: broken("train", 11, 3, 9, 10), validation: broken("val", 5, 2) };
      const told = new Set<string>();
      const onBroken = ({ message }: Error) => void told.add(message.split(":")[0]);
      await smallRun(whole, { ...sets, onBroken });
      assertEquals([...told].sort(), ["data/train/10.png", "data/train/3.png", "data/train/9.png", "data/val/2.png"]);
      const epochs = (await metricsOf(whole)).filter(({ step }) => step === undefined);
      assertEquals(epochs.map(({ trainSkipped, valSkipped }) => [trainSkipped, valSkipped]), [[3, 1], [3, 1]]);

      const stop = new AbortController();
      const onStep = ({ step }: { step: number }) => step === 1 && stop.abort();
      await smallRun(folder, { ...sets, onBroken, signal: stop.signal, onStep });
      await smallRun(folder, { ...sets, onBroken, resume: true });
      await assertSameRun(folder, whole);
    })
  );
});

Deno.test("in place of a broken image comes the next of the data set, with its class", async () => {
  using pool = new DecodePool(1);
  const options = { seed: 1, epoch: 0, shuffle: false, sizes: [6], start: 0 };
  const preprocessing = { ...IMAGENET, resize: SIZE, crop: SIZE };
  const onBroken = () => {};
  const one = async (dataset: Dataset) => {
    for await (const batch of epochBatches(dataset, pool, { ...options, preprocessing, onBroken })) return batch;
  };
  const whole = (await one(smallDataset("train", 6)))!;
  const { x, labels, replaced } = (await one(broken("train", 6, 1, 2, 5)))!;
  const rows = (x: Float32Array) =>
    Array.from({ length: 6 }, (_, i) => x.slice(i * x.length / 6, (i + 1) * x.length / 6));
  const [before, after] = [rows(whole.x), rows(x)];
  [0, 3, 3, 3, 4, 0].forEach((source, i) => assertEquals(after[i], before[source]));
  assertEquals([[...labels], replaced], [[0, 0, 0, 0, 1, 0], 3]);
  const none = () => one(broken("train", 6, 0, 1, 2, 3, 4, 5));
  await assertRejects(none, DataError, "data/train/0.png and all images of train that follow it are broken");
});

Deno.test("a label that is no class is found before the first step, naming the image's file", async () => {
  await inFolder(async (folder) => {
    const training = broken("train", 11);
    for (const label of [3, -1, 1.5, NaN]) {
      const wrong: Dataset = { ...training, item: (i) => ({ file: `${i}`, label: i === 7 ? label : i % 3 }) };
      const steps: number[] = [];
      await assertRejects(
        () => smallRun(folder, { validation: wrong, onStep: ({ step }) => steps.push(step) }),
        DataError,
        `data/train/7.png is of class ${label}, the model has 3 classes`,
      );
      assertEquals(steps, []);
    }
  });
});
