/**
 * The layout of tensors in device memory: [B][ceil(C/4)][H][W] texels. A texel is four channels of one pixel. So a
 * convolution reads four input channels at once, and a layer stores exactly what the next layer reads. [B, C] is the
 * same with H = W = 1, and [C] is the same with B = 1.
 *
 * Lanes past C hold arbitrary finite numbers. Readers must not depend on them (weights are zero there).
 *
 * @module
 */

import { type Shape, size } from "../../graph/graph.ts";

/** Bytes of a texel: four float32. */
export const TEXEL_BYTES = 16;

/** Returns the bytes of a texel of a resource. */
export function texelBytes({ precision }: { readonly precision?: "float16" }): number {
  return precision === "float16" ? TEXEL_BYTES / 2 : TEXEL_BYTES;
}

/** Texels of a texture row. 1024 texels of 16 bytes satisfy the alignment rule of copies. */
export const TEXTURE_WIDTH = 1024;

/** Returns the rows of a texture that holds that many texels. */
export function textureRows(texels: number): number {
  return Math.ceil(texels / TEXTURE_WIDTH);
}

/** Bytes between two uniform blocks. No adapter requires more. */
export const UNIFORM_STRIDE = 256;

/** Extents of a tensor in blocks of four channels. */
export interface BlockedShape {
  readonly batch: number;
  readonly channels: number;
  /** ceil(channels / 4) */
  readonly blocks: number;
  readonly height: number;
  readonly width: number;
  /** height * width */
  readonly pixels: number;
  /** batch * blocks * pixels */
  readonly texels: number;
}

/** Returns the blocked extents of a tensor of any rank. Axes after the fourth count as width. */
export function blocked(shape: Shape): BlockedShape {
  const [batch, channels] = shape.length === 0 ? [1, 1] : shape.length === 1 ? [1, shape[0]] : shape;
  const height = shape[2] ?? 1;
  const width = size(shape.slice(3));
  const blocks = blocksOf(channels);
  const pixels = height * width;
  return { batch, channels, blocks, height, width, pixels, texels: batch * blocks * pixels };
}

/** Returns the number of blocks of four that hold that many channels. */
export function blocksOf(channels: number): number {
  return Math.ceil(channels / 4);
}

/**
 * Copies a row-major tensor into blocks of four channels. `out` must be zero, because padding lanes are not written.
 */
export function packBlocks(shape: Shape, data: Float32Array, out: Float32Array): void {
  const { batch, channels, blocks, pixels } = blocked(shape);
  for (let b = 0, from = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      let to = ((b * blocks + (c >> 2)) * pixels) * 4 + (c & 3);
      for (let p = 0; p < pixels; p++, to += 4) out[to] = data[from++];
    }
  }
}

/** Returns the row-major tensor from blocks of four channels. */
export function unpackBlocks(shape: Shape, data: Float32Array): Float32Array<ArrayBuffer> {
  const { batch, channels, blocks, pixels } = blocked(shape);
  const out = new Float32Array(size(shape));
  for (let b = 0, to = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      let from = ((b * blocks + (c >> 2)) * pixels) * 4 + (c & 3);
      for (let p = 0; p < pixels; p++, from += 4) out[to++] = data[from];
    }
  }
  return out;
}
