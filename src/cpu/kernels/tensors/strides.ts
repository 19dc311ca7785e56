/** Iterates over tensors together with other tensors that have another layout. */

import type { Shape } from "../../../graph/graph.ts";

/** Returns the axes of a graph tensor in the order that they have on this device; see ./device_shape.ts. */
export function deviceAxes(rank: number): readonly number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  if (rank < 4) return axes;
  const [channels, height, width] = axes.slice(-3);
  return [...axes.slice(0, -3), height, width, channels];
}

/** Returns the index on this device of an axis of the graph. */
export function deviceAxis(rank: number, axis: number): number {
  return deviceAxes(rank).indexOf(axis);
}

/** Returns the strides on this device, for each axis of the graph. */
export function deviceStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (const axis of deviceAxes(shape.length).toReversed()) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Returns the strides of a tensor that is repeated along its axes of one element. Those strides are 0. */
export function repeatedStrides(shape: Shape): number[] {
  return deviceStrides(shape).map((stride, axis) => shape[axis] === 1 ? 0 : stride);
}

/**
 * Calls `row` for every row of a tensor of this device, in order. `at` is the index of the row's first element. `other`
 * is the index of the corresponding element of another tensor. `strides` are that tensor's, by the graph's axes. The
 * length of the rows and their stride in the other tensor come from `inner`.
 */
export function eachRow(shape: Shape, strides: readonly number[], row: (at: number, other: number) => void): void {
  const axes = deviceAxes(shape.length).slice(0, -1);
  const length = inner(shape, strides).length;
  const counts = axes.map(() => 0);
  const rows = axes.reduce((n, axis) => n * shape[axis], 1);
  for (let n = 0, other = 0; n < rows; n++) {
    row(n * length, other);
    for (let k = axes.length - 1; k >= 0; k--) {
      const axis = axes[k];
      other += strides[axis];
      if (++counts[k] < shape[axis]) break;
      other -= strides[axis] * shape[axis];
      counts[k] = 0;
    }
  }
}

/** Returns the length of the rows on this device, and the stride along a row in another tensor. */
export function inner(shape: Shape, strides: readonly number[]): { readonly length: number; readonly stride: number } {
  const axis = deviceAxes(shape.length).at(-1)!;
  return { length: shape[axis], stride: strides[axis] };
}

/** Fills `out`, which has this shape, with the elements of another tensor with these strides. */
export function copyStrided(shape: Shape, strides: readonly number[], from: Float32Array, out: Float32Array): void {
  const { length, stride } = inner(shape, strides);
  eachRow(shape, strides, (at, other) => {
    if (stride === 1) out.set(from.subarray(other, other + length), at);
    else for (let i = 0; i < length; i++) out[at + i] = from[other + i * stride];
  });
}
