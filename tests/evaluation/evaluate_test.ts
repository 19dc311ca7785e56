import { assert, assertEquals, assertRejects } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import { imageTensor } from "../../src/image_tensor.ts";
import { evaluate, type EvaluateOptions, type Evaluation } from "../../src/evaluation/evaluate.ts";
import { mapAhead } from "../../src/map_ahead.ts";
import type { BrokenImage, GoodImage } from "../../src/evaluation/prepare.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { createModel } from "../../src/models/model/model.ts";

const SHAPE = [3, 32, 32], PIXELS = 3 * 32 * 32;
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Image i is filled with i. Its class is i % 10, except that image 3 has label 4. Images in `broken` cannot be read.
 */
async function* images(broken: readonly number[] = []): AsyncGenerator<GoodImage | BrokenImage> {
  for (let index = 0; index < 11; index++) {
    await delay(0);
    const label = index === 3 ? 4 : index % 10;
    const sample = { file: `${index}.png`, name: `data/${index}.png`, label };
    if (broken.includes(index)) yield { ...sample, error: new DataError(`${index}.png: broken image`) };
    else yield { ...sample, input: imageTensor(new Float32Array(PIXELS).fill(index), SHAPE) };
  }
}

/** Sees what number an image is filled with: class i % 10 gets logit 2, the next one 1. Counts what it is asked. */
class NumberReader implements Backend {
  readonly name = "cpu";
  readonly description = "a test";
  brokenWeights = false;
  batches: number[][] = [];
  running = 0;
  mostRunning = 0;

  compile() {
    return Promise.resolve({
      run: async ({ x }: Record<string, Float32Array>) => {
        this.mostRunning = Math.max(this.mostRunning, ++this.running);
        const images = Array.from({ length: x.length / PIXELS }, (_, b) => x[b * PIXELS]);
        this.batches.push(images);
        await delay(40);
        this.running--;
        const logits = new Float32Array(images.length * 10);
        images.forEach((i, b) => {
          logits[b * 10 + i % 10] = i === 7 && this.brokenWeights ? NaN : 2;
          logits[b * 10 + (i + 1) % 10] = 1;
        });
        return { logits };
      },
      dispose() {},
    });
  }
  dispose() {}
}

async function run(
  options: EvaluateOptions = {},
  device = new NumberReader(),
  prepared = images(),
  numClasses = 10,
): Promise<Evaluation> {
  const compiled = await createModel({ arch: "resnet20", numClasses }).compile(device, { batch: 4 });
  return await evaluate(compiled, prepared, options);
}

const names = ({ predictions }: Evaluation) => predictions.map((p) => parseInt(p.file));

Deno.test("`evaluate()` answers in the data set's order, the last batch being shorter", async () => {
  const device = new NumberReader();
  const progress: number[] = [];
  const logits: [number, number][] = [];
  const evaluation = await run({
    onProgress: (done) => progress.push(done),
    onLogits: (row, label) => logits.push([row.indexOf(2), label]),
  }, device);
  assertEquals(names(evaluation), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assertEquals(evaluation.predictions.map((p) => p.top5[0].class), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
  assertEquals(evaluation.predictions[3].label, 4);
  assertEquals(evaluation.predictions[3].top5.map((s) => s.class), [3, 4, 0, 1, 2]);
  assertEquals(logits, evaluation.predictions.map((p) => [p.top5[0].class, p.label]));
  assertEquals(device.batches, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 0]]);
  assertEquals(device.mostRunning, 2);
  assertEquals(progress, [4, 8, 11]);
  assertEquals(evaluation.skipped, []);
});

Deno.test("`evaluate()` stops at a broken image, and leaves it out when it is told to go on", async () => {
  await assertRejects(() => run({}, undefined, images([5, 10])), DataError, "5.png: broken image");
  const device = new NumberReader();
  const told: string[] = [];
  const evaluation = await run({ onBroken: (error) => told.push(error.message) }, device, images([5, 10]));
  assertEquals(names(evaluation), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
  assertEquals(evaluation.skipped, ["5.png", "10.png"]);
  assertEquals(told, ["5.png: broken image", "10.png: broken image"]);
  assertEquals(device.batches.slice(0, 2), [[0, 1, 2, 3], [4, 6, 7, 8]]);
});

Deno.test("`evaluate()` throws when image, label or answer do not fit the model", async () => {
  async function* one(height: number, width: number, label = 0): AsyncGenerator<GoodImage | BrokenImage> {
    const input = imageTensor(new Float32Array(3 * height * width), [3, height, width]);
    yield { file: "s.png", name: "data/s.png", label, input };
  }
  const refused = (image: ReturnType<typeof one>, message: string) =>
    assertRejects(() => run({}, undefined, image), DataError, message);
  await refused(one(28, 28), "data/s.png: 28x28 pixels when preprocessed, the model takes 32x32");
  await refused(one(16, 64), "data/s.png: 64x16 pixels when preprocessed, the model takes 32x32");
  for (const label of [10, -1, 1.5, NaN]) {
    await refused(one(32, 32, label), `data/s.png is of class ${label}, the model has 10`);
  }
  await assertRejects(() => run({}, undefined, images(), 7), DataError, "data/7.png is of class 7, the model has 7");
  const device = Object.assign(new NumberReader(), { brokenWeights: true });
  await assertRejects(() => run({}, device), DataError, "data/7.png: the model answers logits that are not finite");
});

Deno.test("`mapAhead()` keeps the order, starts no more than it may and leaves nothing running when it is left", async () => {
  let running = 0, most = 0, finished = 0;
  const slow = async (i: number) => {
    most = Math.max(most, ++running);
    await delay(5 - i);
    running--;
    finished++;
    return i;
  };
  const results = [];
  for await (const i of mapAhead([0, 1, 2, 3, 4], 3, slow)) results.push(i);
  assertEquals(results, [0, 1, 2, 3, 4]);
  assertEquals(most, 3);
  function* failing() {
    yield* [0, 1, 2];
    throw new Error("the source ended");
  }
  const before: number[] = [];
  const all = async () => {
    for await (const i of mapAhead(failing(), 3, slow)) before.push(i);
  };
  await assertRejects(all, Error, "the source ended");
  assertEquals(before, [0, 1, 2], "what came before the failure is answered");
  finished = 0;
  for await (const i of mapAhead([0, 1, 2, 3, 4], 3, slow)) if (i === 0) break;
  assert(running === 0 && finished === 3);
});
