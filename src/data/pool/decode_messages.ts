/**
 * What the decoding pool and its workers say to each other.
 *
 * @module
 */

import type { Augmentation } from "../pixels/augment.ts";
import type { RgbImage } from "../pixels/image.ts";
import type { Preprocessing } from "../pixels/preprocessing.ts";

/** An image as a data set stores it: an encoded file's bytes, or pixels. */
export type StoredImage = Uint8Array<ArrayBuffer> | RgbImage;

/** One image to prepare. */
export interface DecodeRequest {
  /** Comes back in the reply. */
  readonly id: number;
  /** What errors call the image. */
  readonly name: string;
  /** The image. */
  readonly image: StoredImage;
  /** What to make of it. */
  readonly preprocessing: Preprocessing;
  /** In place of the preprocessing's resize and crop. */
  readonly augmentation?: Augmentation;
}

/** A prepared image, or why there is none. */
export type DecodeReply =
  | { readonly id: number; readonly input: Float32Array<ArrayBuffer>; readonly shape: readonly number[] }
  | { readonly id: number; readonly error: string; readonly isDataError: boolean };
