/**
 * The matrices of Winograd's minimal filtering F(m, 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", CVPR 2016). An m x m tile of a 3x3 convolution is
 *
 *     Aᵀ ((G w Gᵀ) . (Bᵀ x B)) A
 *
 * This takes (m + 2)² multiplications for each pair of channels instead of 9 m². The matrices follow from the points at
 * which the tile's polynomials are evaluated (Toom and Cook).
 *
 * @module
 */

import type { WinogradSize } from "../../../plan/variant.ts";
import type { Wgsl } from "../../wgsl/wgsl.ts";

/** Rows of numbers. */
export type Matrix = readonly (readonly number[])[];

/** The three matrices of one tile size. */
export interface WinogradMatrices {
  /** Aᵀ: [m][m + 2] */
  readonly output: Matrix;
  /** G: [m + 2][3] */
  readonly kernel: Matrix;
  /** Bᵀ: [m + 2][m + 2] */
  readonly input: Matrix;
}

/** Taps of a row of the window. */
const TAPS = 3;

/**
 * The finite points for each m. Infinity is a point too. For m = 4 these points lose half as many digits as the
 * customary 0, ±1, ±2. Their input and output transforms are exact in float32.
 */
const POINTS = { 2: [0, 1, -1], 4: [0, 0.75, -0.75, 1.5, -1.5] } as const;

/** The matrices of F(m, 3). */
export function winogradMatrices(m: WinogradSize): WinogradMatrices {
  const points: readonly number[] = POINTS[m];
  const lagrange = points.map((p) => points.reduce((product, q) => q === p ? product : product * (p - q), 1));
  const powers = (count: number) => Array.from({ length: count }, (_, power) => power);
  return {
    output: powers(m).map((power) => [...points.map((p) => p ** power), power === m - 1 ? 1 : 0]),
    kernel: [
      ...points.map((p, i) => powers(TAPS).map((power) => p ** power / lagrange[i])),
      powers(TAPS).map((power) => power === TAPS - 1 ? 1 : 0),
    ],
    input: [...points.map((p) => [...monic(points.filter((q) => q !== p)), 0]), monic(points)],
  };
}

/** Returns the coefficients, lowest power first, of the product of (x - root). */
function monic(roots: readonly number[]): number[] {
  return roots.reduce(
    (product, root) => [0, ...product].map((higher, power) => higher - root * (product[power] ?? 0)),
    [1],
  );
}

/** Computes left · square · leftᵀ of a row-major square matrix with as many rows as `left` has columns. */
export function transformSquare(left: Matrix, square: ArrayLike<number>, out: Float64Array): void {
  const extent = left[0].length;
  for (let r = 0; r < left.length; r++) {
    for (let c = 0; c < left.length; c++) {
      let sum = 0;
      for (let i = 0; i < extent; i++) {
        for (let j = 0; j < extent; j++) sum += left[r][i] * left[c][j] * square[i * extent + j];
      }
      out[r * left.length + c] = sum;
    }
  }
}

/**
 * Returns WGSL that declares `${to}_r_c`, the numbers of left · x · leftᵀ. `from` returns expressions for the numbers
 * of x. All other names in it begin with `to` too.
 */
export function transformSquareWgsl(left: Matrix, from: (row: number, column: number) => string, to: string): Wgsl {
  const columns = left[0].map((_, c) => c);
  const half = left.flatMap((row, r) =>
    columns.map((c) => `let ${to}h_${r}_${c} = ${combination(row, (i) => from(i, c))};`)
  );
  const whole = left.flatMap((_, r) =>
    left.map((row, c) => `let ${to}_${r}_${c} = ${combination(row, (j) => `${to}h_${r}_${j}`)};`)
  );
  return [half, whole];
}

/** Returns WGSL of a sum of vec4f with the given coefficients. */
function combination(coefficients: readonly number[], term: (index: number) => string): string {
  const literal = (value: number) => Number.isInteger(value) ? value.toFixed(1) : String(value);
  const terms = coefficients.flatMap((value, i) => {
    if (value === 0) return [];
    const size = Math.abs(value);
    return `${value < 0 ? "-" : "+"} ${size === 1 ? "" : `${literal(size)} * `}${term(i)}`;
  });
  return terms.join(" ").replace(/^\+ /, "");
}
