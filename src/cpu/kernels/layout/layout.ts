/** Operators that move elements, and the layout of images and weights on this device. */

import type { Node, Shape } from "../../../graph/graph.ts";
import type {
  concat,
  flatten,
  narrow,
  padAxis,
  padChannels,
  permute,
  reshape,
  sliceChannels,
  unflatten,
} from "../../../graph/ops/layout.ts";
import { tf } from "../../tfjs.ts";
import { deviceShape } from "../tensors/device_shape.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { copyStrided, deviceAxis, deviceStrides } from "../tensors/strides.ts";
import { transposeMatrices } from "./transpose.ts";
import { compute } from "../tensors/typed_array.ts";

/** Converts row-major numbers to a tensor of this device. */
export function toDevice(values: Float32Array, shape: Shape): tf.Tensor {
  if (shape.length < 4) return tf.tensor(values, [...shape], "float32");
  const [channels, height, width] = shape.slice(-3);
  return tf.tensor(transposePlanes(values, channels, height * width), [...deviceShape(shape)], "float32");
}

/** Copies a tensor's numbers in the graph's layout. */
export function toNumbers(x: tf.Tensor): Float32Array<ArrayBuffer> {
  const values = x.dataSync<"float32">() as Float32Array<ArrayBuffer>;
  if (x.rank < 4) return values;
  const [height, width, channels] = x.shape.slice(-3);
  return transposePlanes(values, height * width, channels);
}

/** [...][rows][columns] -> [...][columns][rows]. tfjs's own transpose takes a hundred times as long. */
function transposePlanes(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  const plane = rows * columns;
  for (let base = 0; base < values.length; base += plane) {
    for (let row = 0; row < rows; row++) {
      const from = base + row * columns;
      for (let column = 0; column < columns; column++) result[base + column * rows + row] = values[from + column];
    }
  }
  return result;
}

/** Converts a tensor from the graph's layout to this device's. */
function toDeviceLayout(x: tf.Tensor): tf.Tensor {
  if (x.rank < 4) return tf.clone(x);
  const [channels, height, width] = x.shape.slice(-3);
  return tf.reshape(transposeMatrices(x, channels, height * width), deviceShape(x.shape));
}

/** Converts a tensor from this device's layout to the graph's. */
export function toGraphLayout(x: tf.Tensor): tf.Tensor {
  if (x.rank < 4) return tf.clone(x);
  const [height, width, channels] = x.shape.slice(-3);
  const shape = [...x.shape.slice(0, -3), channels, height, width];
  return tf.reshape(transposeMatrices(x, height * width, channels), shape);
}

/** [B, ...] -> [B, product of the other extents], in the graph's order. */
export const flattenKernel: Kernel<Node<typeof flatten>> = {
  run: ({ x }, { output }) => tf.reshape(toGraphLayout(x!), [...output.shape]),
};

/** [B, N] -> [B, ...], in the graph's order. */
export const unflattenKernel: Kernel<Node<typeof unflatten>> = {
  run: ({ x }, { output }) => toDeviceLayout(tf.reshape(x!, [...output.shape])),
};

/** Adds zero channels before and after. */
export const padChannelsKernel: Kernel<Node<typeof padChannels>> = {
  run: ({ x }, { attributes: { before, after } }) => tf.pad(x!, [[0, 0], [0, 0], [0, 0], [before, after]]),
};

/** A range of the channels. */
export const sliceChannelsKernel: Kernel<Node<typeof sliceChannels>> = {
  run: ({ x }, { attributes: { start, count } }) => tf.slice(x!, [0, 0, 0, start], [-1, -1, -1, count]),
};

/** The same elements in the graph's order. */
export const reshapeKernel: Kernel<Node<typeof reshape>> = {
  run: ({ x }, { output }) => toDeviceLayout(tf.reshape(toGraphLayout(x!), [...output.shape])),
};

/** Reorders the axes. */
export const permuteKernel: Kernel<Node<typeof permute>> = {
  run({ x }, { operands, output: { shape }, attributes: { dims } }) {
    const strides = deviceStrides(operands.x.shape);
    return compute(shape, [x!], (out, x) => copyStrided(shape, dims.map((axis) => strides[axis]), x, out));
  },
};

/** A range of an axis. */
export const narrowKernel: Kernel<Node<typeof narrow>> = {
  run({ x }, { attributes: { dim, start, length } }) {
    const axis = deviceAxis(x!.rank, dim);
    const begin = x!.shape.map((_, i) => i === axis ? start : 0);
    return tf.slice(x!, begin, x!.shape.map((extent, i) => i === axis ? length : extent));
  },
};

/** Adds zeros before and after, along an axis. */
export const padAxisKernel: Kernel<Node<typeof padAxis>> = {
  run({ x }, { attributes: { dim, before, after } }) {
    const axis = deviceAxis(x!.rank, dim);
    return tf.pad(x!, x!.shape.map((_, i) => i === axis ? [before, after] : [0, 0]) as [number, number][]);
  },
};

/** Concatenates along an axis. */
export const concatKernel: Kernel<Node<typeof concat>> = {
  run: (operands, { output: { shape }, attributes: { dim } }) =>
    tf.concat(Object.values(operands).map((x) => x!), deviceAxis(shape.length, dim)),
};
