/**
 * torchvision's training augmentations: a random crop and a random horizontal flip. Every random choice depends only on
 * the run's seed, the epoch and the image's index. So the same run gets the same pixels with any number of threads.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { mix } from "../../random.ts";
import type { RgbImage } from "./image.ts";
import { roundHalfEven } from "./preprocessing.ts";
import { type Interpolation, resize, type Window } from "./resize.ts";

/** The changes to an image before it is normalised. It is plain data, because it is sent to the decoding threads. */
export interface Augmentation {
  /**
   * The kind of crop.
   *
   * - "resized": RandomResizedCrop(size), 8 to 100 % of the area with aspect ratios from 3:4 to 4:3, as for ImageNet.
   * - "padded": RandomCrop(size, padding=4), as for CIFAR-10.
   */
  readonly crop: "resized" | "padded";
  /** Width and height of the result in pixels. */
  readonly size: number;
  /** The resize filter of "resized". */
  readonly interpolation?: Interpolation;
  /** The key of the random choices (crop and flip): see {@link augmentationKey}. */
  readonly key: number;
}

/** torchvision's defaults. */
const SCALE = [0.08, 1] as const;
const RATIO = [3 / 4, 4 / 3] as const;
const ATTEMPTS = 10;
const PADDING = 4;

/** Returns a key for the augmentation of one image in one epoch. The arguments are integers, taken modulo 2^32. */
export function augmentationKey(seed: number, epoch: number, index: number): number {
  return mix(mix(mix(seed) ^ epoch) ^ index);
}

/**
 * Returns a random part of `image` with the augmentation's size, flipped with probability 1/2.
 *
 * @param name The name of the image in errors
 * @throws {DataError} if the image is too small for its crop
 */
export function augment(image: RgbImage, { crop, size, key, interpolation }: Augmentation, name: string): RgbImage {
  const next = uniforms(key);
  const part = crop === "resized"
    ? resize(cut(image, cropWindow(image, next)), size, size, undefined, interpolation)
    : cut(image, paddedWindow(image, size, next, name));
  return next() < 0.5 ? mirror(part) : part;
}

/** Returns a generator of numbers in [0, 1). It hashes a counter with the key. */
function uniforms(key: number): () => number {
  let state = key;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return mix(state) / 2 ** 32;
  };
}

/**
 * torchvision's RandomResizedCrop.get_params. Tries ten windows of random area and aspect ratio. If none fits, returns
 * the largest centred window with an allowed aspect ratio.
 */
export function cropWindow({ width, height }: { width: number; height: number }, next: () => number): Window {
  const between = (low: number, high: number) => low + (high - low) * next();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height * between(...SCALE);
    const ratio = Math.exp(between(Math.log(RATIO[0]), Math.log(RATIO[1])));
    const w = roundHalfEven(Math.sqrt(area * ratio));
    const h = roundHalfEven(Math.sqrt(area / ratio));
    if (w < 1 || w > width || h < 1 || h > height) continue;
    const top = Math.floor(next() * (height - h + 1));
    const left = Math.floor(next() * (width - w + 1));
    return { left, top, width: w, height: h };
  }
  const ratio = Math.min(Math.max(width / height, RATIO[0]), RATIO[1]);
  const w = width / height > ratio ? roundHalfEven(height * ratio) : width;
  const h = width / height < ratio ? roundHalfEven(width / ratio) : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

/**
 * torchvision's RandomCrop.get_params: a square of `size` pixels in the image padded by four black pixels on every
 * side.
 */
function paddedWindow({ width, height }: RgbImage, size: number, next: () => number, name: string): Window {
  if (Math.min(width, height) + 2 * PADDING < size) {
    throw new DataError(
      `${name}: ${width}x${height} pixels, too few for a crop of ${size}x${size} padded by ${PADDING}`,
    );
  }
  const place = (extent: number) => Math.floor(next() * (extent + 2 * PADDING - size + 1)) - PADDING;
  const top = place(height);
  return { left: place(width), top, width: size, height: size };
}

/** Cuts out a window of the image. Pixels outside of the image are black. */
function cut(image: RgbImage, { left, top, width, height }: Window): RgbImage {
  const data = new Uint8Array(width * height * 3);
  const from = Math.max(left, 0);
  const to = Math.min(left + width, image.width);
  for (let y = Math.max(top, 0); y < Math.min(top + height, image.height); y++) {
    const row = image.data.subarray((y * image.width + from) * 3, (y * image.width + to) * 3);
    data.set(row, ((y - top) * width + from - left) * 3);
  }
  return { width, height, data };
}

function mirror({ width, height, data }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 3) {
    const x = (at / 3) % width;
    const to = at + 3 * (width - 1 - 2 * x);
    for (let channel = 0; channel < 3; channel++) out[to + channel] = data[at + channel];
  }
  return { width, height, data: out };
}
