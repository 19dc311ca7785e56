/**
 * Sliding windows over an image with channels last, as tables, and the two ways to copy with them: im2col and col2im.
 */

import type { Shape } from "../../../graph/graph.ts";
import type { Pair, WindowAttributes } from "../../../graph/ops/shared.ts";

/** A sliding window: how a convolution or a pooling reads its input. */
export interface Window extends WindowAttributes {
  /** Size of the input, [H, W]. */
  readonly inputSize: Pair;
  /** Size of the output, [H', W']. */
  readonly outputSize: Pair;
  /** Size of the window, [kh, kw]. */
  readonly kernelSize: Pair;
}

/** Returns the window, from the shapes of an image and of the result in the graph. */
export function windowOver(
  [, , h, w]: Shape,
  [, , outH, outW]: Shape,
  kernelSize: Pair,
  { stride, padding, dilation }: WindowAttributes,
): Window {
  return { inputSize: [h, w], outputSize: [outH, outW], kernelSize, stride, padding, dilation };
}

/** Returns the index of the input pixel that each output pixel and tap (in this order) reads; -1 in the padding. */
export function tapTable({ inputSize, outputSize, kernelSize, stride, padding, dilation }: Window): Int32Array {
  const [height, width] = inputSize;
  const table = new Int32Array(outputSize[0] * outputSize[1] * kernelSize[0] * kernelSize[1]);
  let at = 0;
  for (let y = 0; y < outputSize[0]; y++) {
    for (let x = 0; x < outputSize[1]; x++) {
      for (let ky = 0; ky < kernelSize[0]; ky++) {
        for (let kx = 0; kx < kernelSize[1]; kx++) {
          const row = y * stride[0] - padding[0] + ky * dilation[0];
          const column = x * stride[1] - padding[1] + kx * dilation[1];
          const inside = row >= 0 && row < height && column >= 0 && column < width;
          table[at++] = inside ? row * width + column : -1;
        }
      }
    }
  }
  return table;
}

/** Channels `first` to `first + count` of an image with `channels` channels. */
export interface ChannelRange {
  readonly channels: number;
  readonly first: number;
  readonly count: number;
}

/**
 * im2col: copies the values that each tap and channel reads into `patches` [taps, count, pixels]. It covers the output
 * pixels of all images, from index `first` on, as many as `patches` holds. `patches` must be zero. The images follow
 * each other in memory.
 */
export function gatherPatches(
  images: Float32Array,
  patches: Float32Array,
  table: Int32Array,
  taps: number,
  imageSize: number,
  { channels, first: firstChannel, count }: ChannelRange,
  first: number,
): void {
  const pixels = table.length / taps, end = first + patches.length / (taps * count);
  let to = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = firstChannel; c < firstChannel + count; c++) {
      for (let image = Math.floor(first / pixels); image * pixels < end; image++) {
        const from = image * imageSize + c;
        const last = Math.min(pixels, end - image * pixels) * taps;
        for (let i = Math.max(0, first - image * pixels) * taps + tap; i < last; i += taps, to++) {
          const pixel = table[i];
          if (pixel >= 0) patches[to] = images[from + pixel * channels];
        }
      }
    }
  }
}

/** col2im: adds patches [output pixels, taps, count] to the pixels of one image that they are read from. */
export function scatterPatches(
  patches: Float32Array,
  image: Float32Array,
  table: Int32Array,
  { channels, first, count }: ChannelRange,
): void {
  for (let i = 0; i < table.length; i++) {
    if (table[i] < 0) continue;
    const from = i * count, to = table[i] * channels + first;
    for (let c = 0; c < count; c++) image[to + c] += patches[from + c];
  }
}
