/**
 * The images of an epoch in their order, prepared ahead and put together into batches.
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
  /** [images, 3, size, size] */
  readonly x: ImageTensor;
  /** [images], class numbers. */
  readonly labels: Float32Array<ArrayBuffer>;
  /** How many of them stand in for a broken one. */
  readonly replaced: number;
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
  /**
   * Called with every broken image that is met, in place of which comes the next one of the data set that is not; if left
   * out, the first ends the epoch.
   */
  readonly onBroken?: (error: DataError) => void;
}

/** Broken images one after the other after which none is looked for any more. */
const MOST_BROKEN = 100;

/** An image ready to be trained on. */
interface Prepared {
  /** What errors call it. */
  readonly name: string;
  readonly label: number;
  readonly input: ImageTensor;
  /** Whether it stands in for a broken one. */
  readonly replaces: boolean;
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

/**
 * Prepares an epoch's batches, a step ahead of who asks for them. In place of a broken image comes the next of the data
 * set, with its own class, as in timm's loader: steps keep their size, and which images a step has follows from the data
 * alone, so that a resumed run has the same. Throws DataError, naming it, if an image is broken and nobody is told.
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

/** An image, or the next one that can be read. Its augmentation is that of the image that was asked for. */
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

/** Images as a batch. Throws DataError if they differ in size. */
function together(images: readonly Prepared[]): Batch {
  const [{ input: { shape, length } }] = images;
  // New memory: the device may still be reading the last batch.
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
