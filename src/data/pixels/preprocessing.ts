/**
 * torchvision's evaluation preprocessing, bit-exact: Resize, CenterCrop, ToTensor and Normalize on an image decoded as
 * PIL decodes it.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, checkWord, COUNT, PROBABILITY } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import { type ImageTensor, imageTensor } from "../../image_tensor.ts";
import type { RgbImage } from "./image.ts";
import { type Interpolation, INTERPOLATIONS, resize, type Window } from "./resize.ts";

/** The steps between the decoded image and the network's input. */
export interface Preprocessing {
  /** Length of the shorter side after the antialiased resize, in pixels. With null, the image is not resized. */
  readonly resize: number | null;
  /** Side of the centre crop, in pixels. A smaller image is padded with zeros. With null, the image is not cropped. */
  readonly crop: number | null;
  /**
   * The resize filter. The result equals PIL's byte for byte.
   * @default "bilinear"
   */
  readonly interpolation?: Interpolation;
  /** Mean of each channel (R, G, B) on the scale 0..1. It is subtracted. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation of each channel (R, G, B) on the scale 0..1. The difference is divided by it. */
  readonly std: readonly [number, number, number];
}

/** The evaluation preprocessing of the ImageNet models: resize to 256, crop to 224. */
export const IMAGENET: Preprocessing = {
  resize: 256,
  crop: 224,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The evaluation preprocessing of the CIFAR-10 models: 32x32. It does not resize or crop CIFAR-10's own images. */
export const CIFAR10: Preprocessing = {
  resize: 32,
  crop: 32,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2470, 0.2435, 0.2616],
};

/**
 * Returns the size after torchvision's `Resize(shorter)`. The shorter side becomes `shorter`. The longer side keeps the
 * aspect ratio and is truncated to an integer.
 */
export function resizedSize(width: number, height: number, shorter: number): { width: number; height: number } {
  const longer = Math.trunc((shorter * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
}

/** Python's `round()`: halves round to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Returns where a crop of `crop` pixels starts in a side of `size` pixels, as in torchvision's CenterCrop. A negative
 * result is the padding before an image that is smaller than the crop.
 */
export function cropStart(size: number, crop: number): number {
  if (size >= crop) return roundHalfEven((size - crop) / 2);
  // A smaller image is padded by floor((crop - size) / 2) before and by the rest after. The sum is then exact.
  return -Math.floor((crop - size) / 2);
}

/**
 * Resizes and crops `image`. The bytes equal those of torchvision's Resize and CenterCrop.
 *
 * @throws {ArgumentError} if a size or the filter of the preprocessing is invalid
 * @throws {ShapeError} if the length of the image's data does not match its width and height
 */
export function crop(image: RgbImage, p: Preprocessing): RgbImage {
  checkImage(image);
  if (p.resize !== null) checkNumber("resize", p.resize, COUNT);
  if (p.crop !== null) checkNumber("crop", p.crop, COUNT);
  checkWord("interpolation", p.interpolation ?? "bilinear", INTERPOLATIONS);
  const { width, height } = p.resize === null ? image : resizedSize(image.width, image.height, p.resize);
  const isResized = width !== image.width || height !== image.height;
  if (p.crop === null) return isResized ? resize(image, width, height, undefined, p.interpolation) : image;
  if (!isResized && width === p.crop && height === p.crop) return image;
  const left = cropStart(width, p.crop);
  const top = cropStart(height, p.crop);
  const window: Window = {
    left: Math.max(left, 0),
    top: Math.max(top, 0),
    width: Math.min(width, p.crop),
    height: Math.min(height, p.crop),
  };
  const inner = resize(image, width, height, window, p.interpolation);
  return pad(inner, Math.max(-left, 0), Math.max(-top, 0), p.crop);
}

/** Places `image` at (left, top) in a black square of `side` pixels. */
function pad(image: RgbImage, left: number, top: number, side: number): RgbImage {
  if (image.width === side && image.height === side) return image;
  const data = new Uint8Array(side * side * 3);
  const rowBytes = image.width * 3;
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * rowBytes, (y + 1) * rowBytes), ((top + y) * side + left) * 3);
  }
  return { width: side, height: side, data };
}

/**
 * ToTensor and Normalize. Returns float32 planes [3, height, width]. Every operation is rounded to float32, as in
 * PyTorch.
 *
 * @throws {ArgumentError} if mean or std is not on the scale 0..1
 * @throws {ShapeError} if the length of the image's data does not match its width and height
 */
export function normalize(image: RgbImage, p: Pick<Preprocessing, "mean" | "std">): ImageTensor {
  checkImage(image);
  checkNumber("mean", p.mean, PROBABILITY);
  checkNumber("std", p.std, ABOVE_ZERO);
  const plane = image.width * image.height;
  const out = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const table = normalizedLevels(p.mean[channel], p.std[channel]);
    const base = channel * plane;
    for (let i = 0, j = channel; i < plane; i++, j += 3) out[base + i] = table[image.data[j]];
  }
  return imageTensor(out, [3, image.height, image.width]);
}

function checkImage({ width, height, data }: RgbImage): void {
  checkNumber("the image's width", width, COUNT);
  checkNumber("the image's height", height, COUNT);
  if (data.length === width * height * 3) return;
  throw new ShapeError(`an image of ${width}x${height} has ${data.length} bytes, expected ${width * height * 3}`);
}

/** The normalised float32 value of each of the 256 byte values of a channel. */
function normalizedLevels(mean: number, std: number): Float32Array {
  const mean32 = Math.fround(mean);
  const std32 = Math.fround(std);
  return Float32Array.from(
    { length: 256 },
    (_, level) => Math.fround(Math.fround(Math.fround(level / 255) - mean32) / std32),
  );
}

/**
 * Makes the network's input from one image: `crop`, then `normalize`.
 *
 * @returns Float32 planes [3, height, width]; `stack` makes a batch of them
 * @throws {ArgumentError} if the preprocessing is invalid
 * @throws {ShapeError} if the length of the image's data does not match its width and height
 *
 * @example
 * ```ts
 * import { CIFAR10, decodeImage, preprocess, stack } from "@odconv/odconv";
 *
 * const image = await decodeImage(await Deno.readFile("tests/fixtures/images/photo.png"), "photo.png");
 * const batch = stack([preprocess(image, CIFAR10)]);
 * console.log(batch.shape); // [1, 3, 32, 32]
 * ```
 */
export function preprocess(image: RgbImage, p: Preprocessing): ImageTensor {
  return normalize(crop(image, p), p);
}
