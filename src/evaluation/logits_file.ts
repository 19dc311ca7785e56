/**
 * Writes the file of `eval --logits`: safetensors with "logits" [N, classes] float32 and "labels" [N] int64, in the
 * data set's order.
 *
 * @module
 */

import type { Tensor } from "../checkpoint/tensors/state_dict.ts";
import { writeSafetensors } from "../checkpoint/write/safetensors.ts";

/** Collects logits image by image. */
export class LogitsRecorder {
  readonly #classes: number;
  readonly #logits: Float32Array<ArrayBuffer>;
  readonly #labels: BigInt64Array<ArrayBuffer>;
  #count = 0;

  /** Allocates memory for up to `images` images. */
  constructor(images: number, classes: number) {
    this.#classes = classes;
    this.#logits = new Float32Array(images * classes);
    this.#labels = new BigInt64Array(images);
  }

  /** Adds the next image. */
  add(logits: Float32Array, label: number): void {
    this.#logits.set(logits, this.#count * this.#classes);
    this.#labels[this.#count++] = BigInt(label);
  }

  /** Writes all added images. `metadata` describes the evaluation. */
  async write(path: string, metadata: Readonly<Record<string, string>>): Promise<void> {
    const [n, classes] = [this.#count, this.#classes];
    const tensor = (dtype: "F32" | "I64", shape: number[], data: ArrayBufferView<ArrayBuffer>): Tensor => ({
      dtype,
      shape,
      read: () => Promise.resolve(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    });
    const tensors = new Map([
      ["logits", tensor("F32", [n, classes], this.#logits.subarray(0, n * classes))],
      ["labels", tensor("I64", [n], this.#labels.subarray(0, n))],
    ]);
    await writeSafetensors(path, tensors, { format: "pt", ...metadata });
  }
}
