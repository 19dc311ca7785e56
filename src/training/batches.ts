/**
 * The images of an epoch in their order, prepared ahead and put together into batches.
 *
 * @module
 */

import { type Augmentation, augmentationKey } from "../data/augment.ts";
import type { Dataset } from "../data/dataset.ts";
import type { DecodePool } from "../data/decode_pool.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { DataError } from "../errors.ts";
import { mapAhead } from "../evaluation/map_ahead.ts";
import { mix } from "../random.ts";

/** The images of a step. */
export interface Batch {
  /** [images, 3, size, size] */
  readonly x: Float32Array<ArrayBuffer>;
  /** [images], class numbers. */
  readonly labels: Float32Array<ArrayBuffer>;
}

/** How images of an epoch become batches. */
export interface BatchOptions {
  /** Of order and augmentation. */
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** Whether the order is another in every epoch; else the data set's own. */
  readonly shuffle: boolean;
  /** Images of each step: what {@link stepSizes} answers. */
  readonly sizes: readonly number[];
  /** Steps that are done already. */
  readonly start: number;
  /** Normalisation, and without augmentation also size. */
  readonly preprocessing: Preprocessing;
  /** Random crops of that kind and size. */
  readonly augmentation?: Omit<Augmentation, "key">;
}

/**
 * The order of an epoch: a permutation of 0 ... length-1 (Fisher and Yates) that seed and epoch choose.
 */
export function epochOrder(length: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const key = mix(mix(seed) ^ epoch);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(mix(key + Math.imul(i, 0x9e3779b9)) / 2 ** 32 * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/**
 * How many images each step of an epoch has: all of them `batch`, but the last, which has the rest. Of the rest whole parts
 * of `microBatch` images are used; and never a single image, of which batch norm can make no statistics. Throws DataError
 * where that leaves nothing.
 */
export function stepSizes(images: number, batch: number, microBatch: number): readonly number[] {
  const sizes: number[] = new Array(Math.floor(images / batch)).fill(batch);
  const rest = images % batch;
  const last = microBatch < batch ? rest - rest % microBatch : rest === 1 ? 0 : rest;
  if (last > 0) sizes.push(last);
  if (!sizes.length) throw new DataError(`${images} training images make no batch of ${microBatch}; lower the batch`);
  return sizes;
}

/** Prepares an epoch's batches, a step ahead of who asks for them. Throws DataError, naming it, where an image is broken. */
export async function* epochBatches(dataset: Dataset, pool: DecodePool, options: BatchOptions): AsyncGenerator<Batch> {
  const { seed, epoch, shuffle, sizes, start, preprocessing, augmentation } = options;
  const order = shuffle ? epochOrder(dataset.length, seed, epoch) : undefined;
  const skipped = sizes.slice(0, start).reduce((n, size) => n + size, 0);
  const total = sizes.reduce((n, size) => n + size, 0);
  const indices = Array.from({ length: total - skipped }, (_, i) => order?.[skipped + i] ?? skipped + i);
  const prepared = mapAhead(indices, 2 * sizes[0], async (index) => {
    const { file, label } = dataset.item(index);
    const augment = augmentation && { ...augmentation, key: augmentationKey(seed, epoch, index) };
    return { file, label, input: await pool.preprocess(await dataset.load(index), preprocessing, file, augment) };
  });
  let step = start, filled = 0;
  let x = new Float32Array(), labels = new Float32Array();
  for await (const { file, label, input } of prepared) {
    if (filled === 0) {
      // New memory: the device may still be reading the last one.
      x = new Float32Array(sizes[step] * input.length);
      labels = new Float32Array(sizes[step]);
    }
    if (input.length * sizes[step] !== x.length) {
      throw new DataError(`${file}: ${input.length / 3} pixels when preprocessed, the images before it had others`);
    }
    x.set(input, filled * input.length);
    labels[filled] = label;
    if (++filled < sizes[step]) continue;
    yield { x, labels };
    step++;
    filled = 0;
  }
}
