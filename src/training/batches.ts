/**
 * Puts the images of an epoch in order, prepares them ahead of time and puts them together into batches.
 *
 * @module
 */

import { type Augmentation, augmentationKey } from "../data/pixels/augment.ts";
import { type Dataset, imageName } from "../data/datasets/dataset.ts";
import type { DecodePool } from "../data/pool/decode_pool.ts";
import type { Preprocessing } from "../data/pixels/preprocessing.ts";
import { DataError } from "../errors.ts";
import { type ImageTensor, imageTensor } from "../image_tensor.ts";
import { mapAhead } from "../map_ahead.ts";
import { mix } from "../random.ts";

/** The images of a step. */
export interface Batch {
  /** Images, [images, 3, size, size]. */
  readonly x: ImageTensor;
  /** Class numbers, [images]. */
  readonly labels: Float32Array<ArrayBuffer>;
  /** Number of images that replace a broken one. */
  readonly replaced: number;
}

/** How the images of an epoch become batches. */
export interface BatchOptions {
  /** Seed of the order and the augmentation. */
  readonly seed: number;
  /** Index of the epoch, from 0. */
  readonly epoch: number;
  /** If true, every epoch has another order. If false, the order is the data set's. */
  readonly shuffle: boolean;
  /** Number of images of each step, from {@link stepSizes}. */
  readonly sizes: readonly number[];
  /** Number of steps that are done already. */
  readonly start: number;
  /** Normalisation, and without augmentation also resize and crop. */
  readonly preprocessing: Preprocessing;
  /** Kind and size of the random crops. If left out, there is no augmentation. */
  readonly augmentation?: Omit<Augmentation, "key">;
  /**
   * Called for every broken image. The next readable image of the data set replaces it. If left out, the first broken
   * image ends the epoch.
   */
  readonly onBroken?: (error: DataError) => void;
}

/** The search for a replacement stops after this many broken images in a row. */
const MOST_BROKEN = 100;

/** An image that is ready for training. */
interface Prepared {
  /** Its name in error messages. */
  readonly name: string;
  readonly label: number;
  readonly input: ImageTensor;
  /** True if it replaces a broken image. */
  readonly replaces: boolean;
}

/** Returns the order of an epoch: a permutation of 0 ... length-1 (Fisher and Yates), determined by seed and epoch. */
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
 * Returns the number of images of each step. Every step has `batch` images, except the last, which has the rest. Of the
 * rest only whole parts of `microBatch` images are used, and never a single image, because batch norm needs more than
 * one. Throws DataError if no step is left.
 */
export function stepSizes(images: number, batch: number, microBatch: number): readonly number[] {
  const sizes: number[] = new Array(Math.floor(images / batch)).fill(batch);
  const rest = images % batch;
  const last = microBatch < batch ? rest - rest % microBatch : rest === 1 ? 0 : rest;
  if (last > 0) sizes.push(last);
  if (!sizes.length) throw new DataError(`${images} training images make no batch of ${microBatch}; lower the batch`);
  return sizes;
}

/**
 * Prepares an epoch's batches, one step ahead of the consumer. A broken image is replaced by the next one of the data
 * set, with its own class, as in timm's loader. So steps keep their size, and the images of a step depend only on the
 * data: a resumed run has the same steps. Throws DataError, with the image's name, if an image is broken and `onBroken`
 * is left out.
 */
export async function* epochBatches(dataset: Dataset, pool: DecodePool, options: BatchOptions): AsyncGenerator<Batch> {
  const { seed, epoch, shuffle, sizes, start } = options;
  const order = shuffle ? epochOrder(dataset.length, seed, epoch) : undefined;
  const skipped = sizes.slice(0, start).reduce((n, size) => n + size, 0);
  const total = sizes.reduce((n, size) => n + size, 0);
  const indices = Array.from({ length: total - skipped }, (_, i) => order?.[skipped + i] ?? skipped + i);
  const prepared = mapAhead(indices, 2 * sizes[0], (index) => prepare(dataset, pool, index, options));
  let step = start, images: Prepared[] = [];
  for await (const image of prepared) {
    images.push(image);
    if (images.length < sizes[step]) continue;
    yield together(images);
    step++;
    images = [];
  }
}

/** Prepares an image, or the next one that can be read. The augmentation is that of the requested image. */
async function prepare(
  dataset: Dataset,
  pool: DecodePool,
  index: number,
  { seed, epoch, preprocessing, augmentation, onBroken }: BatchOptions,
): Promise<Prepared> {
  const augment = augmentation && { ...augmentation, key: augmentationKey(seed, epoch, index) };
  for (let broken = 0; broken < Math.min(MOST_BROKEN, dataset.length); broken++) {
    const at = (index + broken) % dataset.length;
    const name = imageName(dataset, at);
    try {
      const input = await pool.preprocess(await dataset.load(at), preprocessing, name, augment);
      return { name, label: dataset.item(at).label, input, replaces: broken > 0 };
    } catch (error) {
      if (!onBroken || !(error instanceof DataError)) throw error;
      onBroken(error);
    }
  }
  throw new DataError(
    `${imageName(dataset, index)} and all images of ${dataset.name} that follow it are broken, as far as was tried: ` +
      `is it a folder of images?`,
  );
}

/** Puts images together into a batch. Throws DataError if they differ in size. */
function together(images: readonly Prepared[]): Batch {
  const [{ input: { shape, length } }] = images;
  // Allocate new memory: the device may still be reading the last batch.
  const x = new Float32Array(images.length * length);
  images.forEach(({ name, input }, i) => {
    if (input.shape.join() !== shape.join()) {
      const [found, expected] = [input.shape, shape].map(([, height, width]) => `${width}x${height}`);
      throw new DataError(`${name}: ${found} pixels when preprocessed, the images before it had ${expected}`);
    }
    x.set(input, i * length);
  });
  return {
    x: imageTensor(x, [images.length, ...shape]),
    labels: Float32Array.from(images, ({ label }) => label),
    replaced: images.filter(({ replaces }) => replaces).length,
  };
}
