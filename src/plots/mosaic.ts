/** Shows convolution kernels as one picture: each k x k kernel is a tile. */

/** Largest number of channels in each direction. With more, single weights could not be distinguished. */
const SHOWN = 16;

/** A picture of numbers. */
export interface Mosaic {
  /** The numbers, row by row. Gaps between kernels are NaN. */
  readonly values: Float32Array;
  /** Number of columns. */
  readonly columns: number;
  /** Describes the kernels for people. */
  readonly caption: string;
}

/**
 * Arranges the kernels of a layer, [Cout, Cin, kh, kw] as in the last four extents of `shape`. Rows are output
 * channels, columns are input channels. If each output has one input, the outputs are arranged in rows. At most 16
 * channels are shown in each direction.
 */
export function mosaic(kernel: Float32Array, shape: readonly number[]): Mosaic {
  const [cout, cin, height, width] = shape.slice(-4);
  const gap = height * width > 1 ? 1 : 0;
  const depthwise = cin === 1;
  const columns = depthwise ? SHOWN : Math.min(cin, SHOWN);
  const rows = Math.min(depthwise ? Math.ceil(cout / SHOWN) : cout, SHOWN);
  const perRow = depthwise ? columns : cin;
  const across = columns * (width + gap) - gap;
  const values = Float32Array.from({ length: (rows * (height + gap) - gap) * across }, (_, i) => {
    const [row, y] = divide(Math.floor(i / across), height + gap);
    const [column, x] = divide(i % across, width + gap);
    return y < height && x < width ? kernel[((row * perRow + column) * height + y) * width + x] ?? NaN : NaN;
  });
  const of = (shown: number, all: number) => shown < all ? `${shown} of ${all}` : String(all);
  const channels = depthwise
    ? `${of(Math.min(cout, rows * columns), cout)} channels`
    : `${of(rows, cout)} output channels (down), ${of(columns, cin)} input channels (across)`;
  return {
    values,
    columns: across,
    caption: `${height} × ${width}, ${channels}; orange is negative, blue is positive`,
  };
}

/**
 * Returns the 99th percentile of the magnitudes, so that a single outlier does not make the rest pale. Returns 1 if
 * there are no values.
 */
export function typicalMost(values: Iterable<number>): number {
  const sorted = [...values].filter((v) => !isNaN(v)).map(Math.abs).sort((a, b) => a - b);
  return sorted[Math.floor(0.99 * (sorted.length - 1))] || 1;
}

function divide(value: number, by: number): [quotient: number, rest: number] {
  return [Math.floor(value / by), value % by];
}
