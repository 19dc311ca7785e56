/// <reference lib="deno.worker" />
/**
 * A worker of the decoding pool. It receives image bytes and sends normalised planes. It reads no files and needs no
 * permissions.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { augment } from "../pixels/augment.ts";
import { decodeImage } from "../decoding/decode.ts";
import type { DecodeReply, DecodeRequest } from "./decode_messages.ts";
import { normalize, preprocess } from "../pixels/preprocessing.ts";

self.onmessage = async ({ data }: MessageEvent<DecodeRequest>) => {
  const { id, name, image, preprocessing, augmentation } = data;
  try {
    const pixels = image instanceof Uint8Array ? await decodeImage(image, name) : image;
    const input = augmentation
      ? normalize(augment(pixels, augmentation, name), preprocessing)
      : preprocess(pixels, preprocessing);
    // Messages carry only the numbers, so the shape is sent separately.
    reply({ id, input, shape: input.shape }, [input.buffer]);
  } catch (error) {
    reply({ id, error: (error as Error).message, isDataError: error instanceof DataError }, []);
  }
};

function reply(message: DecodeReply, transfer: Transferable[]): void {
  self.postMessage(message, transfer);
}
