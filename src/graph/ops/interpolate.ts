/** Other sizes of an image: PyTorch's upsampling, and its adaptive average pooling. */

import { ShapeError } from "../../errors.ts";
import type { Operator, Value } from "../graph.ts";
import { expectShape, type Pair } from "./shared.ts";

/**
 * "nearest" and "bilinear" are those of torch.nn.functional.interpolate, "area" is its adaptive_avg_pool2d: the mean of
 * the pixels from floor(i H / H') up to ceil((i + 1) H / H').
 */
export type InterpolationMode = "nearest" | "bilinear" | "area";

/** How to resize. */
export type InterpolateAttributes = {
  readonly mode: InterpolationMode;
  /** [H', W'] */
  readonly size: Pair;
  /** "bilinear": whether the centres of the corner pixels keep their places. */
  readonly alignCorners: boolean;
  /** Pixels of x a pixel of the result, [vertical, horizontal]: H / H' and W / W' if left out. */
  readonly steps?: Pair;
};

/** For each place of a resized axis: the first place that it reads, and the weights from there on. */
export type AxisTable = readonly { readonly first: number; readonly weights: readonly number[] }[];

function axisTable(
  { mode, alignCorners, steps, size }: InterpolateAttributes,
  axis: 0 | 1,
  extent: number,
): AxisTable {
  const count = size[axis];
  const step = steps?.[axis] ?? extent / count;
  return Array.from({ length: count }, (_, i) => {
    if (mode === "nearest") {
      // In float32, as PyTorch: other roundings would choose other pixels.
      return { first: Math.min(extent - 1, Math.floor(Math.fround(i * Math.fround(step)))), weights: [1] };
    }
    if (mode === "area") {
      const first = Math.floor(i * extent / count);
      const length = Math.ceil((i + 1) * extent / count) - first;
      return { first, weights: Array<number>(length).fill(1 / length) };
    }
    const at = alignCorners ? count > 1 ? i * (extent - 1) / (count - 1) : 0 : Math.max(0, (i + 0.5) * step - 0.5);
    const first = Math.min(extent - 1, Math.floor(at));
    const second = Math.min(1, Math.max(0, at - first));
    return first + 1 < extent ? { first, weights: [1 - second, second] } : { first, weights: [1] };
  });
}

/** The inverse of a table: for each of `extent` places, which outputs read it, and with which weights. */
function transposedTable(table: AxisTable, extent: number): AxisTable {
  const readers = Array.from({ length: extent }, () => ({ first: 0, weights: [] as number[] }));
  table.forEach(({ first, weights }, reader) => {
    weights.forEach((weight, k) => {
      const entry = readers[first + k];
      if (entry.weights.length === 0) entry.first = reader;
      while (entry.weights.length < reader - entry.first) entry.weights.push(0);
      entry.weights.push(weight);
    });
  });
  return readers;
}

/** The tables of an image's rows and columns. */
export function interpolationTables([height, width]: Pair, attributes: InterpolateAttributes): [AxisTable, AxisTable] {
  return [axisTable(attributes, 0, height), axisTable(attributes, 1, width)];
}

/** The tables of the gradient to an image of that size. */
export function gradientTables(inputSize: Pair, attributes: InterpolateAttributes): [AxisTable, AxisTable] {
  const [rows, columns] = interpolationTables(inputSize, attributes);
  return [transposedTable(rows, inputSize[0]), transposedTable(columns, inputSize[1])];
}

/** [B, C, H, W] -> [B, C, H', W']. */
export const interpolate: Operator<{ x: Value }, InterpolateAttributes> = {
  name: "interpolate",
  shape({ x }, { size }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    if (!size.every((extent) => Number.isSafeInteger(extent) && extent > 0)) {
      throw new ShapeError(`size is [${size.join(", ")}], expected two whole numbers from 1 up`);
    }
    return [x.shape[0], x.shape[1], ...size];
  },
  gradient: ({ operands: { x }, attributes, gradient, apply }) => ({
    x: apply(interpolateGrad, { gradient }, { ...attributes, inputSize: [x.shape[2], x.shape[3]] }),
  }),
};

/** The gradient to interpolate's x: [B, C, H', W'] -> [B, C, H, W]. */
export const interpolateGrad: Operator<
  { gradient: Value },
  InterpolateAttributes & {
    /** [H, W] of the input. */
    readonly inputSize: Pair;
  }
> = {
  name: "interpolate_grad",
  shape({ gradient }, { size, inputSize }) {
    expectShape("gradient", gradient.shape, [-1, -1, ...size]);
    return [gradient.shape[0], gradient.shape[1], ...inputSize];
  },
};
