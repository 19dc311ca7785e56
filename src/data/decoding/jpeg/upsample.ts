/**
 * Chroma upsampling as libjpeg-turbo does it by default ("fancy upsampling"): triangle filters if the ratio is 2, else
 * replication.
 *
 * @module
 */

import type { SamplePlane } from "./idct.ts";

/** The relation of a component's samples to the image's pixels. */
export interface Sampling {
  /** Pixels per sample horizontally: the frame's largest factor over the component's. */
  readonly across: number;
  /** Pixels per sample vertically. */
  readonly down: number;
  /** Columns of real samples, without padding. */
  readonly width: number;
  /** Rows of real samples, without padding. */
  readonly height: number;
}

/** Writes row `y` of the image, upsampled from `plane`, to `out` (length at least width * across). */
export type RowUpsampler = (plane: SamplePlane, sampling: Sampling, y: number, out: Uint8Array) => void;

/** Returns the upsampler for a component, chosen as in libjpeg-turbo. */
export function upsamplerFor({ across, down, width }: Sampling): RowUpsampler {
  if (across === 2 && down === 1 && width > 2) return triangleAcross;
  if (across === 1 && down === 2) return triangleDown;
  if (across === 2 && down === 2 && width > 2) return triangleBoth;
  return replicate;
}

const replicate: RowUpsampler = (plane, { across, down, width }, y, out) => {
  const row = Math.floor(y / down) * plane.stride;
  for (let x = 0; x < width * across; x++) out[x] = plane.data[row + Math.floor(x / across)];
};

/** Horizontal weights 3/4 and 1/4. The rounding alternates between 1/4 and 2/4 so that it does not drift. */
const triangleAcross: RowUpsampler = (plane, { width }, y, out) => {
  const row = y * plane.stride;
  for (let x = 0; x < width; x++) {
    const here = plane.data[row + x];
    out[2 * x] = x === 0 ? here : (3 * here + plane.data[row + x - 1] + 1) >> 2;
    out[2 * x + 1] = x === width - 1 ? here : (3 * here + plane.data[row + x + 1] + 2) >> 2;
  }
};

/** Returns the sample rows that pixel row `y` blends 3 : 1. Beyond the image, the edge row is used. */
function nearRows(plane: SamplePlane, height: number, y: number): { near: number; far: number } {
  const row = y >> 1;
  const other = Math.min(Math.max(y % 2 === 0 ? row - 1 : row + 1, 0), height - 1);
  return { near: row * plane.stride, far: other * plane.stride };
}

const triangleDown: RowUpsampler = (plane, { width, height }, y, out) => {
  const { near, far } = nearRows(plane, height, y);
  const bias = y % 2 === 0 ? 1 : 2;
  for (let x = 0; x < width; x++) out[x] = (3 * plane.data[near + x] + plane.data[far + x] + bias) >> 2;
};

const triangleBoth: RowUpsampler = (plane, { width, height }, y, out) => {
  const { near, far } = nearRows(plane, height, y);
  const blended = (x: number) => 3 * plane.data[near + x] + plane.data[far + x];
  for (let x = 0; x < width; x++) {
    const here = blended(x);
    out[2 * x] = (3 * here + blended(Math.max(x - 1, 0)) + 8) >> 4;
    out[2 * x + 1] = (3 * here + blended(Math.min(x + 1, width - 1)) + 7) >> 4;
  }
};
