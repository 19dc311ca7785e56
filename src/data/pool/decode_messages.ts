/**
 * Messages between the decoding pool and its workers.
 *
 * @module
 */

import type { Augmentation } from "../pixels/augment.ts";
import type { RgbImage } from "../pixels/image.ts";
import type { Preprocessing } from "../pixels/preprocessing.ts";

/** An image as a data set stores it: the bytes of an encoded file, or pixels. */
export type StoredImage = Uint8Array<ArrayBuffer> | RgbImage;

/** One image to prepare. */
export interface DecodeRequest {
  /** The id of the request, repeated in the reply. */
  readonly id: number;
  /** The image's name for errors. */
  readonly name: string;
  /** The image. */
  readonly image: StoredImage;
  /** The preprocessing of the image. */
  readonly preprocessing: Preprocessing;
  /** Replaces the preprocessing's resize and crop. */
  readonly augmentation?: Augmentation;
}

/** A prepared image, or an error. */
export type DecodeReply =
  | { readonly id: number; readonly input: Float32Array<ArrayBuffer>; readonly shape: readonly number[] }
  | { readonly id: number; readonly error: string; readonly isDataError: boolean };
