/**
 * A decoded image: what every decoder here returns and every later step takes.
 *
 * @module
 */

/** An 8-bit RGB image. */
export interface RgbImage {
  /** Columns, at least 1. */
  readonly width: number;
  /** Rows, at least 1. */
  readonly height: number;
  /** width * height * 3 bytes: rows from the top, pixels from the left, R G B interleaved. */
  readonly data: Uint8Array;
}
