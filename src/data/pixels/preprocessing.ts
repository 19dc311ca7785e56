/**
 * torchvision's evaluation preprocessing, bit for bit: Resize, CenterCrop, ToTensor, Normalize on an image decoded as
 * PIL decodes it.
 *
 * @module
 */

import { type ImageTensor, imageTensor } from "../../image_tensor.ts";
import type { RgbImage } from "./image.ts";
import { type Interpolation, resize, type Window } from "./resize.ts";

/** What happens to an image between its decoder and the network. */
export interface Preprocessing {
  /** Length of the shorter side after the antialiased resize; null leaves the image's size alone. */
  readonly resize: number | null;
  /** Side of the square cut from the middle (zero-padded where the image is smaller); null keeps the whole image. */
  readonly crop: number | null;
  /**
   * The filter of the resize, which is PIL's to the byte.
   * @default "bilinear"
   */
  readonly interpolation?: Interpolation;
  /** Mean of each channel (R, G, B) on the scale 0..1, subtracted. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation of each channel (R, G, B) on the scale 0..1, divided by. */
  readonly std: readonly [number, number, number];
}

/** The evaluation preprocessing of the ImageNet models: resize to 256, crop 224. */
export const IMAGENET: Preprocessing = {
  resize: 256,
  crop: 224,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The evaluation preprocessing of the CIFAR-10 models: 32x32, which leaves CIFAR-10's own images as they are. */
export const CIFAR10: Preprocessing = {
  resize: 32,
  crop: 32,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2470, 0.2435, 0.2616],
};

/**
 * The size after torchvision's `Resize(shorter)`: the shorter side becomes `shorter`, the longer keeps the aspect ratio
 * and is truncated.
 */
export function resizedSize(width: number, height: number, shorter: number): { width: number; height: number } {
  const longer = Math.trunc((shorter * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
}

/** Python's `round()`: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Where a side of `crop` pixels starts in a side of `size` pixels, as torchvision's CenterCrop places it: negative is
 * the padding before an image smaller than the crop.
 */
export function cropStart(size: number, crop: number): number {
  if (size >= crop) return roundHalfEven((size - crop) / 2);
  // The smaller image is padded by floor((crop - size) / 2) before and the rest after, so that it fits exactly.
  return -Math.floor((crop - size) / 2);
}

/** `image` resized and cropped: the bytes torchvision's Resize and CenterCrop give. */
export function crop(image: RgbImage, p: Preprocessing): RgbImage {
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

/** `image` at (left, top) of a black square of `side` pixels. */
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
 * ToTensor and Normalize: planes [3, height, width] of float32, each operation rounded to float32 as PyTorch rounds it.
 */
export function normalize(image: RgbImage, p: Preprocessing): ImageTensor {
  const plane = image.width * image.height;
  const out = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const table = normalizedLevels(p.mean[channel], p.std[channel]);
    const base = channel * plane;
    for (let i = 0, j = channel; i < plane; i++, j += 3) out[base + i] = table[image.data[j]];
  }
  return imageTensor(out, [3, image.height, image.width]);
}

/** The float32 value of each of the 256 byte levels of a channel. */
function normalizedLevels(mean: number, std: number): Float32Array {
  const mean32 = Math.fround(mean);
  const std32 = Math.fround(std);
  return Float32Array.from(
    { length: 256 },
    (_, level) => Math.fround(Math.fround(Math.fround(level / 255) - mean32) / std32),
  );
}

/** The network's input for one image: `crop`, then `normalize`. Float32 planes [3, height, width]; `stack` makes a batch. */
export function preprocess(image: RgbImage, p: Preprocessing): ImageTensor {
  return normalize(crop(image, p), p);
}
