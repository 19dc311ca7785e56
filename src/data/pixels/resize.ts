/**
 * PIL's antialiased resizes, byte for byte. The filter is as wide as the reduction factor and uses 8-bit fixed point. A
 * horizontal pass is followed by a vertical pass. Each pass rounds and clips to bytes.
 *
 * @module
 */

import type { RgbImage } from "./image.ts";

/** A rectangle of pixels within an image. */
export interface Window {
  /** First column. */
  readonly left: number;
  /** First row. */
  readonly top: number;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

/** The resize filter: PIL's `BILINEAR` (a triangle) or `BICUBIC` (the cubic convolution with a = -0.5). */
export type Interpolation = "bilinear" | "bicubic";

/** All interpolations. */
export const INTERPOLATIONS: readonly Interpolation[] = ["bilinear", "bicubic"];

/** A filter: its weight at a distance from its centre, and the distance at which it becomes zero. */
interface Filter {
  readonly support: number;
  weight(distance: number): number;
}

const FILTERS: Readonly<Record<Interpolation, Filter>> = {
  bilinear: { support: 1, weight: (distance) => Math.max(1 - Math.abs(distance), 0) },
  bicubic: { support: 2, weight: (distance) => cubic(Math.abs(distance)) },
};

/** Keys' cubic convolution (1981) with a = -0.5. The order of operations affects the last bits. */
function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

/** Fraction bits of the weights: 32 bits less 8 bits of pixel and 2 bits of headroom. */
const PRECISION_BITS = 32 - 8 - 2;
const HALF = 1 << (PRECISION_BITS - 1);

/** The weights of one axis for the output positions `start` to `start + count`. */
interface Weights {
  /** The first input position that each output position reads. */
  readonly first: Int32Array;
  /** The number of input positions that it reads. */
  readonly length: Int32Array;
  /** Fixed-point weights, `taps` slots per output position. */
  readonly values: Int32Array;
  readonly taps: number;
}

/**
 * Resizes `image` to `width` x `height` with the filter `interpolation`. With `window`, returns only that part of the
 * result, equal to resizing and then cropping.
 */
export function resize(
  image: RgbImage,
  width: number,
  height: number,
  window: Window = { left: 0, top: 0, width, height },
  interpolation: Interpolation = "bilinear",
): RgbImage {
  const filter = FILTERS[interpolation];
  const across = axisWeights(filter, image.width, width, window.left, window.width);
  const down = axisWeights(filter, image.height, height, window.top, window.height);
  if (image.height > image.width * 100 && height < image.height) {
    // PIL runs the vertical pass first for such a narrow image.
    const rows = resizeDown(image.data, down, image.width * 3, window.height, 0);
    const data = resizeAcross({ ...image, data: rows }, across, window.width, 0, window.height);
    return { width: window.width, height: window.height, data };
  }
  const firstRow = down.first[0];
  const lastRow = down.first[window.height - 1] + down.length[window.height - 1];
  const rows = resizeAcross(image, across, window.width, firstRow, lastRow);
  const data = resizeDown(rows, down, window.width * 3, window.height, firstRow);
  return { width: window.width, height: window.height, data };
}

function axisWeights(filter: Filter, inputSize: number, outputSize: number, start: number, count: number): Weights {
  const scale = inputSize / outputSize;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const length = new Int32Array(count);
  const values = new Int32Array(count * taps);
  const weights = new Float64Array(taps);
  for (let i = 0; i < count; i++) {
    const center = (start + i + 0.5) * scale;
    const from = Math.max(Math.trunc(center - support + 0.5), 0);
    const used = Math.min(Math.trunc(center + support + 0.5), inputSize) - from;
    let sum = 0;
    for (let k = 0; k < used; k++) {
      // Multiply by the reciprocal, do not divide: this affects the last bit of the weight.
      weights[k] = filter.weight((k + from - center + 0.5) * (1 / filterScale));
      sum += weights[k];
    }
    for (let k = 0; k < used; k++) {
      const weight = weights[k] / sum;
      values[i * taps + k] = Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5));
    }
    first[i] = from;
    length[i] = used;
  }
  return { first, length, values, taps };
}

/** Resizes rows `firstRow` to `lastRow` of `image` horizontally. */
function resizeAcross(
  image: RgbImage,
  w: Weights,
  width: number,
  firstRow: number,
  lastRow: number,
): Uint8Array {
  const out = new Uint8ClampedArray((lastRow - firstRow) * width * 3);
  const input = image.data;
  for (let row = firstRow, o = 0; row < lastRow; row++) {
    const base = row * image.width * 3;
    for (let x = 0; x < width; x++, o += 3) {
      let at = base + w.first[x] * 3;
      let red = HALF, green = HALF, blue = HALF;
      for (let k = x * w.taps, end = k + w.length[x]; k < end; k++, at += 3) {
        const weight = w.values[k];
        red += input[at] * weight;
        green += input[at + 1] * weight;
        blue += input[at + 2] * weight;
      }
      out[o] = red >> PRECISION_BITS;
      out[o + 1] = green >> PRECISION_BITS;
      out[o + 2] = blue >> PRECISION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

/** Resizes vertically to `height` rows of `rowBytes` bytes. The first row of `input` is the image's row `firstRow`. */
function resizeDown(
  input: Uint8Array,
  w: Weights,
  rowBytes: number,
  height: number,
  firstRow: number,
): Uint8Array {
  const out = new Uint8ClampedArray(height * rowBytes);
  const sums = new Int32Array(rowBytes);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < w.length[y]; k++) {
      const weight = w.values[y * w.taps + k];
      const at = (w.first[y] + k - firstRow) * rowBytes;
      for (let x = 0; x < rowBytes; x++) sums[x] += input[at + x] * weight;
    }
    for (let x = 0, o = y * rowBytes; x < rowBytes; x++) out[o + x] = sums[x] >> PRECISION_BITS;
  }
  return new Uint8Array(out.buffer);
}
