/**
 * Runs a model over a data set: images are read ahead, batches overlap on the device, predictions come out in order.
 *
 * @module
 */

import type { Dataset, Sample } from "../data/dataset.ts";
import { DataError } from "../errors.ts";
import type { CompiledModel } from "../models/model.ts";
import { crossEntropy, type Prediction, topK } from "./accuracy.ts";
import { mapAhead } from "./map_ahead.ts";

/** How evaluate goes about it. */
export interface EvaluateOptions {
  /** The model's input for image `index`, [3, H, W] normalised. Throws DataError where the image is broken. */
  readonly read: (index: number) => Promise<Float32Array>;
  /** First image; 0 if left out. */
  readonly start?: number;
  /** The image to stop before; the data set's end if left out. */
  readonly end?: number;
  /** Batches on the device at a time; 2 if left out. */
  readonly inFlight?: number;
  /** Goes on where an image is broken, and is told of it; if left out, the first broken image ends the run. */
  readonly onBroken?: (file: string, error: DataError) => void;
  /** Called after every batch with the number of images done. */
  readonly onProgress?: (done: number) => void;
  /** Called for every prediction, in order, with all of its logits. */
  readonly onLogits?: (logits: Float32Array, label: number) => void;
}

/** What evaluate answers. */
export interface Evaluation {
  /** One an image that could be read, in the data set's order. */
  readonly predictions: Prediction[];
  /** The images that could not. */
  readonly skipped: string[];
  /** From the first image read to the last prediction. */
  readonly seconds: number;
}

interface Image {
  readonly sample: Sample;
  readonly pixels: Float32Array;
}

interface Batch {
  readonly samples: Sample[];
  readonly pixels: Float32Array<ArrayBuffer>;
}

/**
 * Evaluates a compiled model. Throws DataError, naming the image, where one is broken, does not have the model's size or
 * is of a class that the model does not know, and where the model's answer is not a number.
 */
export async function evaluate(
  compiled: CompiledModel,
  dataset: Dataset,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { numClasses } = compiled.model.config;
  const { start = 0, end = dataset.length, inFlight = 2 } = options;
  const [size, ...shape] = compiled.inputShape;
  const indices = Array.from({ length: end - start }, (_, i) => start + i);
  for (const index of indices) checkLabel(dataset.item(index), numClasses);

  const predictions: Prediction[] = [];
  const skipped: string[] = [];
  const began = performance.now();
  // Two batches ahead: one that is being put together and one for the workers to go on with meanwhile.
  const reads = mapAhead(indices, 2 * size, (index) => attempt(dataset.item(index), options.read(index)));
  const results = mapAhead(batches(goodOnes(), size, shape), inFlight, async ({ samples, pixels }) => ({
    samples,
    logits: await compiled.run(pixels),
  }));
  for await (const { samples, logits } of results) {
    samples.forEach((sample, i) => {
      const row = logits.subarray(i * numClasses, (i + 1) * numClasses);
      predictions.push(predict(sample, row));
      options.onLogits?.(row, sample.label);
    });
    options.onProgress?.(predictions.length + skipped.length);
  }
  return { predictions, skipped, seconds: (performance.now() - began) / 1000 };

  async function* goodOnes(): AsyncGenerator<Image> {
    for await (const { sample, pixels, error } of reads) {
      if (pixels) yield { sample, pixels };
      else if (!options.onBroken) throw error;
      else {
        skipped.push(sample.file);
        options.onBroken(sample.file, error);
      }
    }
  }
}

type Attempt = { sample: Sample; pixels: Float32Array; error?: undefined } | {
  sample: Sample;
  pixels?: undefined;
  error: DataError;
};

async function attempt(sample: Sample, reading: Promise<Float32Array>): Promise<Attempt> {
  try {
    return { sample, pixels: await reading };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { sample, error };
  }
}

/** Batches of `size` images of `shape`; the last may hold fewer. */
async function* batches(images: AsyncIterable<Image>, size: number, shape: readonly number[]): AsyncGenerator<Batch> {
  const [channels, height, width] = shape;
  const length = channels * height * width;
  // New memory for each: the device may still be reading the one before.
  const empty = () => ({ samples: [] as Sample[], pixels: new Float32Array(size * length) });
  let batch = empty();
  for await (const { sample, pixels } of images) {
    if (pixels.length !== length) {
      const found = pixels.length / channels;
      throw new DataError(`${sample.file}: ${found} pixels when preprocessed, the model takes ${height}x${width}`);
    }
    batch.pixels.set(pixels, batch.samples.length * length);
    batch.samples.push(sample);
    if (batch.samples.length < size) continue;
    yield batch;
    batch = empty();
  }
  const { samples, pixels } = batch;
  if (samples.length) yield { samples, pixels: pixels.subarray(0, samples.length * length) };
}

function checkLabel({ file, label }: Sample, numClasses: number): void {
  if (label < numClasses) return;
  throw new DataError(
    `${file} is of class ${label}, the model has ${numClasses} classes; are these the data set and the labels it was ` +
      `trained for?`,
  );
}

function predict({ file, label }: Sample, logits: Float32Array): Prediction {
  if (!logits.every(Number.isFinite)) {
    throw new DataError(`${file}: the model answers logits that are not finite; are its weights damaged?`);
  }
  return { file, label, loss: crossEntropy(logits, label), top5: topK(logits, 5) };
}
