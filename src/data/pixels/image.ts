/**
 * A decoded image: the type that every decoder returns and every later step takes.
 *
 * @module
 */

/** An 8-bit RGB image. */
export interface RgbImage {
  /** Width in pixels, at least 1. */
  readonly width: number;
  /** Height in pixels, at least 1. */
  readonly height: number;
  /** width * height * 3 bytes: rows from top to bottom, pixels from left to right, R, G, B interleaved. */
  readonly data: Uint8Array;
}
