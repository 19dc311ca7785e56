import { assert, assertEquals, assertThrows } from "@std/assert";
import { DecodePool } from "../../src/data/pool/decode_pool.ts";
import { IMAGENET } from "../../src/data/pixels/preprocessing.ts";
import { DataError } from "../../src/errors.ts";
import { epochBatches, epochOrder, stepSizes } from "../../src/training/batches.ts";
import { smallDataset } from "./small_run.ts";

Deno.test("epochOrder() is a permutation that seed and epoch choose", () => {
  const order = epochOrder(1000, 1, 2);
  assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assertEquals(order, epochOrder(1000, 1, 2));
  for (const other of [epochOrder(1000, 1, 3), epochOrder(1000, 2, 2)]) {
    assert(order.filter((index, i) => index === other[i]).length < 10);
  }
  // Each of three images comes first about equally often.
  const firsts = Array.from({ length: 3000 }, (_, epoch) => epochOrder(3, 7, epoch)[0]);
  for (const index of [0, 1, 2]) assert(Math.abs(firsts.filter((first) => first === index).length - 1000) < 100);
});

Deno.test("stepSizes() uses every image but a single last one, and whole parts only", () => {
  assertEquals(stepSizes(10, 4, 4), [4, 4, 2]);
  assertEquals(stepSizes(9, 4, 4), [4, 4]);
  assertEquals(stepSizes(3, 256, 256), [3]);
  assertEquals(stepSizes(23, 8, 2), [8, 8, 6]);
  assertThrows(() => stepSizes(1, 4, 4), DataError, "1 training images make no batch of 4");
});

Deno.test("epochBatches() goes on in the middle of an epoch with the same images", async () => {
  using pool = new DecodePool(1);
  const options = { seed: 3, epoch: 1, shuffle: true, sizes: [3, 3, 2], start: 0, preprocessing: IMAGENET };
  const augmentation = { crop: "resized" as const, size: 6 };
  const collect = (start: number) =>
    Array.fromAsync(epochBatches(smallDataset("train", 9), pool, { ...options, start, augmentation }));
  const all = await collect(0);
  assertEquals(all.map(({ labels, x }) => [labels.length, x.length]), [[3, 324], [3, 324], [2, 216]]);
  assertEquals(await collect(2), all.slice(2));
  const order = epochOrder(9, 3, 1);
  assertEquals(all.flatMap(({ labels }) => [...labels]), [...order.slice(0, 8)].map((index) => index % 3));
});
