/**
 * Block smoothing as in libjpeg-turbo (2.1 and later), for progressive files that lack scans. The unknown first
 * coefficients of a block are guessed from the mean values of the blocks around it (ITU-T T.81, K.8, over five by five
 * blocks).
 *
 * @module
 */

import type { CoefficientPlane } from "./coefficients.ts";
import { type Progression, TRACKED } from "./progression.ts";

/** Weights of the 5 x 5 blocks around a block, in 256ths. The weighted means give a coefficient. */
type Kernel = readonly (readonly number[])[];

const transposed = (kernel: Kernel): Kernel => kernel[0].map((_, x) => kernel.map((row) => row[x]));
const NONE = [0, 0, 0, 0, 0];

const across = (edge: readonly number[], near: readonly number[], middle: readonly number[]): Kernel => [
  edge,
  near,
  middle,
  near,
  edge,
];
const AC01 = across([-1, -1, 0, 1, 1], [-3, 13, 0, -13, 3], [-3, 38, 0, -38, 3]);
const AC20 = across([0, 0, 1, 0, 0], [0, 2, 7, 2, 0], [0, -5, -14, -5, 0]);
const AC11: Kernel = [[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], NONE, [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]];
const AC03 = across(NONE, [0, 1, 0, -1, 0], [0, 2, 0, -2, 0]);
const AC21 = across(NONE, [0, 1, 0, -1, 0], [0, -3, 0, 3, 0]);
const DC = across([-2, -6, -8, -6, -2], [-6, 6, 42, 6, -6], [-8, 42, 152, 42, -8]);

/** Kernels by zigzag order, used if only means are known. */
const FROM_MEANS: readonly Kernel[] = [
  ...[DC, AC01, transposed(AC01), AC20, AC11],
  ...[transposed(AC20), AC03, transposed(AC21), AC21, transposed(AC03)],
];

const GRADIENT = across(NONE, NONE, [-7, 50, 0, -50, 7]);
const CURVATURE = across(NONE, NONE, [-1, 13, -24, 13, -1]);
const TWIST: Kernel = [[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], NONE, [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]];

/** Kernels by zigzag order, used if another coefficient is known. The mean itself is kept. */
const BESIDE_OTHERS: readonly (Kernel | null)[] = [
  null,
  ...[GRADIENT, transposed(GRADIENT), transposed(CURVATURE), TWIST, CURVATURE],
];

/** The arrangement of a component's blocks. */
export interface BlockLayout {
  /** Blocks per row and rows of blocks, without padding. */
  readonly columns: number;
  readonly rows: number;
  /** Rows of blocks per row of MCUs, and the number of rows of MCUs. */
  readonly perMcuRow: number;
  readonly mcuRows: number;
}

/**
 * Returns `plane` with guesses for unknown coefficients. For rows of MCUs after `lastGoodRow`, the last scan has no
 * data, so the precision before the last scan applies.
 */
export function smooth(
  plane: CoefficientPlane,
  quantisation: Uint16Array,
  { bits, before }: Progression,
  layout: BlockLayout,
  lastGoodRow: number,
): CoefficientPlane {
  const data = plane.data.slice();
  const lastColumn = layout.columns - 1;
  const means = new Int32Array(25);
  for (let row = 0; row < layout.rows; row++) {
    const mcuRow = Math.floor(row / layout.perMcuRow);
    const known = mcuRow > lastGoodRow ? before : bits;
    const kernels = known.subarray(1).every((n) => n === -1) ? FROM_MEANS : BESIDE_OTHERS;
    const sources = rowsAround(row, mcuRow, layout).map((from) => from * plane.blocksPerRow);
    for (let column = 0; column <= lastColumn; column++) {
      for (let y = 0; y < 5; y++) {
        for (let x = 0; x < 5; x++) {
          const from = sources[y] + Math.min(Math.max(column + x - 2, 0), lastColumn);
          means[5 * y + x] = plane.data[from * 64];
        }
      }
      const block = data.subarray((row * plane.blocksPerRow + column) * 64);
      for (let k = TRACKED - 1; k >= 0; k--) {
        const kernel = kernels[k];
        // A mean is always recomputed. Any other coefficient is guessed only if it is uncertain and still zero.
        if (kernel && (k === 0 || (known[k] !== 0 && block[k] === 0))) {
          block[k] = guess(kernel, means, quantisation[0], quantisation[k], k === 0 ? 0 : known[k]);
        }
      }
    }
  }
  return { ...plane, data };
}

/**
 * Returns the five rows of blocks around `row`. Rows beyond the first or the last row are replaced by that row, as
 * libjpeg counts.
 */
function rowsAround(row: number, mcuRow: number, { rows, perMcuRow, mcuRows }: BlockLayout): number[] {
  // In the last row of MCUs, libjpeg counts as if all rows of MCUs had as few rows of blocks.
  const inThis = mcuRow < mcuRows - 1 ? perMcuRow : (rows % perMcuRow || perMcuRow);
  const number = mcuRow * inThis + (row - mcuRow * perMcuRow);
  const count = inThis * mcuRows;
  const above = number > 0 ? row - 1 : row;
  const below = number < count - 1 ? row + 1 : row;
  return [number > 1 ? row - 2 : above, above, row, below, number < count - 2 ? row + 2 : below];
}

/**
 * Guesses a coefficient from the means around it, rounded. If `missing` > 0, the result is limited to that many bits.
 */
function guess(kernel: Kernel, means: Int32Array, meanStep: number, step: number, missing: number): number {
  let sum = 0;
  for (let y = 0; y < 5; y++) for (let x = 0; x < 5; x++) sum += kernel[y][x] * means[5 * y + x];
  const size = Math.floor((128 * step + Math.abs(sum) * meanStep) / (256 * step));
  const limited = missing > 0 ? Math.min(size, (1 << missing) - 1) : size;
  return sum < 0 ? -limited : limited;
}
