/**
 * Converts inflated PNG data to samples: undoes filters and interlacing.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import type { PngFile } from "./chunks.ts";

/** A subset of the image's pixels that is stored as a separate image. */
interface Pass {
  /** First column and row. */
  readonly x: number;
  readonly y: number;
  /** Distance between columns and rows. */
  readonly dx: number;
  readonly dy: number;
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, dx: 1, dy: 1 }];
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];

interface Layout extends Pass {
  readonly columns: number;
  readonly rows: number;
  readonly rowBytes: number;
}

function layouts({ frame: { width, height }, depth, channels, interlaced }: PngFile): Layout[] {
  return (interlaced ? ADAM7 : WHOLE).map((pass) => {
    const columns = Math.ceil((width - pass.x) / pass.dx);
    const rows = Math.ceil((height - pass.y) / pass.dy);
    return { ...pass, columns, rows, rowBytes: Math.ceil((columns * channels * depth) / 8) };
  }).filter(({ columns, rows }) => columns > 0 && rows > 0);
}

/** Returns the size of the inflated data in bytes: a filter byte and the samples for every row of every pass. */
export function inflatedSize(file: PngFile): number {
  return layouts(file).reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
}

/**
 * Reads the image's samples (width * height * channels, one number each) from its inflated data, which are overwritten.
 * The data may end after any row. Missing rows and the area around the frame are zero. Throws DataError if a row is
 * truncated.
 */
export function readSamples(file: PngFile, inflated: Uint8Array, name: string): Uint8Array | Uint16Array {
  const { width, height, depth, channels } = file;
  const count = width * height * channels;
  const samples = depth === 16 ? new Uint16Array(count) : new Uint8Array(count);
  const bytesPerPixel = Math.max((channels * depth) >> 3, 1);
  let at = 0;
  for (const layout of layouts(file)) {
    let above: Uint8Array = new Uint8Array(layout.rowBytes);
    for (let row = 0; row < layout.rows; row++) {
      if (at === inflated.length && at > 0) return samples;
      if (at + 1 + layout.rowBytes > inflated.length) {
        const expected = inflatedSize(file);
        throw new DataError(
          `${name}: broken PNG: its data hold ${inflated.length} bytes of pixels, expected ${expected}`,
        );
      }
      const line = inflated.subarray(at + 1, at + 1 + layout.rowBytes);
      const unfilter = FILTERS[inflated[at]];
      if (!unfilter) throw new DataError(`${name}: broken PNG: unknown filter ${inflated[at]}`);
      unfilter(line, above, bytesPerPixel);
      scatter(line, layout, row, file, samples);
      above = line;
      at += 1 + layout.rowBytes;
    }
  }
  return samples;
}

type Unfilter = (line: Uint8Array, above: Uint8Array, bytesPerPixel: number) => void;

/** Undoes each filter type in place: adds every byte's prediction. */
const FILTERS: readonly Unfilter[] = [
  () => {},
  (line, _above, bpp) => {
    for (let i = bpp; i < line.length; i++) line[i] += line[i - bpp];
  },
  (line, above) => {
    for (let i = 0; i < line.length; i++) line[i] += above[i];
  },
  (line, above, bpp) => {
    for (let i = 0; i < line.length; i++) line[i] += ((i < bpp ? 0 : line[i - bpp]) + above[i]) >> 1;
  },
  (line, above, bpp) => {
    for (let i = 0; i < line.length; i++) {
      line[i] += i < bpp ? above[i] : paeth(line[i - bpp], above[i], above[i - bpp]);
    }
  },
];

/** Returns the neighbour closest to left + up - corner. On a tie it prefers left, then up. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Writes the pixels of one row of a pass to their places in the image. */
function scatter(line: Uint8Array, pass: Layout, row: number, file: PngFile, samples: Uint8Array | Uint16Array): void {
  const { width, frame, channels, depth } = file;
  const start = (frame.top + pass.y + row * pass.dy) * width + frame.left + pass.x;
  const mask = (1 << depth) - 1;
  for (let i = 0; i < pass.columns * channels; i++) {
    const pixel = Math.floor(i / channels);
    const to = (start + pixel * pass.dx) * channels + (i - pixel * channels);
    if (depth === 8) samples[to] = line[i];
    else if (depth === 16) samples[to] = (line[2 * i] << 8) | line[2 * i + 1];
    else samples[to] = (line[(i * depth) >> 3] >> (8 - depth - ((i * depth) & 7))) & mask;
  }
}
