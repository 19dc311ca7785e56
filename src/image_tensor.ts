/**
 * Images for a network, together with their shape. A Float32Array alone does not say height and width: 64x16 pixels are as
 * many numbers as 32x32.
 *
 * @module
 */

import { ShapeError } from "./errors.ts";

/**
 * Float32 planes of one image, [3, H, W], or of several, [B, 3, H, W], row-major. It is a Float32Array that also knows its
 * shape, so functions can check height and width. Copies and views of it (`slice`, `subarray`, `map`) are
 * plain arrays again.
 */
export interface ImageTensor extends Float32Array<ArrayBuffer> {
  /** Extents, outermost first. */
  readonly shape: readonly number[];
}

/**
 * Gives an array of your own its shape, [3, H, W] or [B, 3, H, W]. The array itself is returned, not a copy.
 *
 * @throws {ShapeError} if the shape has another number of elements.
 */
export function imageTensor(data: Float32Array<ArrayBuffer>, shape: readonly number[]): ImageTensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (data.length !== size) {
    throw new ShapeError(`the images have ${data.length} numbers, expected ${size} (${showShape(shape)})`);
  }
  // Not enumerable: it compares and prints as the array of numbers that it is.
  return Object.defineProperty(data, "shape", { value: shape, configurable: true }) as ImageTensor;
}

/** The shape that an array carries, or undefined if it is a plain one. */
export function shapeOf(data: Float32Array): readonly number[] | undefined {
  const { shape } = data as Partial<ImageTensor>;
  return Array.isArray(shape) ? shape : undefined;
}

/** "[3, 32, 32]". */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
