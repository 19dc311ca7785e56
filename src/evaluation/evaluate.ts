/**
 * Runs a compiled model on prepared images. Batches overlap on the device. Predictions are returned in order.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { CompiledModel } from "../models/model/model.ts";
import { crossEntropy, type Prediction, topK } from "./accuracy.ts";
import type { BatchResult } from "./journal.ts";
import { mapAhead } from "../map_ahead.ts";
import type { BrokenImage, GoodImage } from "./prepare.ts";

/** Options of evaluate. */
export interface EvaluateOptions {
  /** Number of batches on the device at a time. @default 2 */
  readonly inFlight?: number;
  /** Called for every broken image, which is left out. If this is left out, the first broken image ends the run. */
  readonly onBroken?: (error: DataError) => void;
  /** Called after every batch with the number of images done. */
  readonly onProgress?: (done: number) => void;
  /** Called for every prediction, in order, with all of its logits. */
  readonly onLogits?: (logits: Float32Array, label: number) => void;
  /** Called for every batch, in order, before its progress is reported. The evaluation waits for it. */
  readonly onBatch?: (batch: BatchResult & { readonly logits: Float32Array }) => Promise<void>;
}

/** Result of an evaluation. */
export interface Evaluation {
  /** One prediction for each readable image, in the images' order. */
  readonly predictions: Prediction[];
  /** The files that could not be read. */
  readonly skipped: string[];
  /** Seconds from the request of the first image to the last prediction. */
  readonly seconds: number;
}

/** An image and its index among all requested images, from 0. */
type Numbered<T> = T & { readonly place: number };

type Sample = Omit<GoodImage, "input">;

interface Batch {
  readonly samples: Numbered<Sample>[];
  readonly pixels: Float32Array<ArrayBuffer>;
}

/**
 * Evaluates a compiled model.
 *
 * @throws {DataError} if an image is broken, does not have the model's size or has a label that is not a class of the
 * model, or if the model's output is not finite. The message has the image's name.
 */
export async function evaluate(
  compiled: CompiledModel,
  images: AsyncIterable<GoodImage | BrokenImage>,
  { inFlight = 2, onBroken, onProgress, onLogits, onBatch }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { numClasses } = compiled.model.config;
  const predictions: Prediction[] = [];
  const broken: Numbered<{ file: string }>[] = [];
  const began = performance.now();
  const good = withoutBroken(images, ({ file, error }, place) => {
    if (!onBroken) throw error;
    broken.push({ file, place });
    onBroken(error);
  });
  let end = 0;
  const results = mapAhead(batches(good, compiled.inputShape), inFlight, async ({ samples, pixels }) => ({
    samples,
    logits: await compiled.run(pixels, [samples.length, ...compiled.inputShape.slice(1)]),
  }));
  for await (const { samples, logits } of results) {
    const begin = end;
    const batch = samples.map((sample, i) => {
      const row = logits.subarray(i * numClasses, (i + 1) * numClasses);
      onLogits?.(row, sample.label);
      return predict(sample, row);
    });
    predictions.push(...batch);
    end = samples[samples.length - 1].place + 1;
    const among = broken.filter(({ place }) => place >= begin && place < end);
    await onBatch?.({ end, skipped: among.map(({ file }) => file), predictions: batch, logits });
    onProgress?.(end);
  }
  return { predictions, skipped: broken.map(({ file }) => file), seconds: (performance.now() - began) / 1000 };
}

async function* withoutBroken(
  images: AsyncIterable<GoodImage | BrokenImage>,
  onBroken: (image: BrokenImage, place: number) => void,
): AsyncGenerator<Numbered<GoodImage>> {
  let place = 0;
  for await (const image of images) {
    if (image.error) onBroken(image, place);
    else yield { ...image, place };
    place++;
  }
}

/** Yields batches of `batch` images. The last batch may be smaller. */
async function* batches(
  images: AsyncIterable<Numbered<GoodImage>>,
  [batch, channels, height, width]: readonly number[],
): AsyncGenerator<Batch> {
  const length = channels * height * width;
  let samples: Numbered<Sample>[] = [];
  let pixels = new Float32Array(batch * length);
  for await (const { file, label, name, input, place } of images) {
    const [, h, w] = input.shape;
    if (h !== height || w !== width) {
      throw new DataError(`${name}: ${w}x${h} pixels when preprocessed, the model takes ${width}x${height}`);
    }
    pixels.set(input, samples.length * length);
    samples.push({ file, label, name, place });
    if (samples.length < batch) continue;
    yield { samples, pixels };
    samples = [];
    // Allocate new memory: the device may still be reading the last batch.
    pixels = new Float32Array(batch * length);
  }
  if (samples.length) yield { samples, pixels: pixels.subarray(0, samples.length * length) };
}

function predict({ file, label, name }: Sample, logits: Float32Array): Prediction {
  checkLabel(name, label, logits.length);
  checkFinite(name, logits);
  return { file, label, loss: crossEntropy(logits, label), top5: topK(logits, 5) };
}

/** Throws DataError if the logits of an image are not finite. `name` is the image's name. */
export function checkFinite(name: string, logits: Float32Array): void {
  if (logits.every(Number.isFinite)) return;
  throw new DataError(`${name}: the model answers logits that are not finite; are its weights damaged?`);
}

/** Throws DataError, with the image's name, if its label is not a class of the model. */
export function checkLabel(name: string, label: number, numClasses: number): void {
  if (Number.isInteger(label) && label >= 0 && label < numClasses) return;
  throw new DataError(
    `${name} is of class ${label}, the model has ${numClasses} classes; are these the data set and the labels it was ` +
      `trained for?`,
  );
}
