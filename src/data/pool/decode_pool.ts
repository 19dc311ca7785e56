/**
 * Decodes and preprocesses images in worker threads, in parallel to the caller's thread.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { type ImageTensor, imageTensor } from "../../image_tensor.ts";
import { workerOptions } from "../../worker_options.ts";
import type { Augmentation } from "../pixels/augment.ts";
import type { DecodeReply, DecodeRequest, StoredImage } from "./decode_messages.ts";
import type { Preprocessing } from "../pixels/preprocessing.ts";

interface Job {
  readonly worker: Worker;
  readonly resolve: (input: ImageTensor) => void;
  readonly reject: (error: Error) => void;
}

/** Worker threads that decode and preprocess images. Call `close()` to end them, or declare the pool with `using`. */
export class DecodePool {
  readonly #workers: Worker[];
  readonly #load = new Map<Worker, number>();
  readonly #jobs = new Map<number, Job>();
  #nextId = 0;

  /**
   * Starts the threads.
   *
   * @param workers Number of threads. By default one per core, less one for the caller
   */
  constructor(workers: number = Math.max((globalThis.navigator?.hardwareConcurrency ?? 1) - 1, 1)) {
    this.#workers = Array.from({ length: workers }, () => this.#start());
  }

  /**
   * Decodes and preprocesses one image. With `augmentation`, takes a random part of it. The image goes to the thread
   * with the shortest queue. The caller must limit how many images wait.
   *
   * @param name The name of the image in errors
   * @returns The network's input, float32 planes [3, height, width]
   * @throws {DataError} if the image cannot be decoded
   */
  preprocess(
    image: StoredImage,
    preprocessing: Preprocessing,
    name: string,
    augmentation?: Augmentation,
  ): Promise<ImageTensor> {
    const worker = this.#workers.reduce((a, b) => this.#load.get(b)! < this.#load.get(a)! ? b : a);
    const id = this.#nextId++;
    const request: DecodeRequest = { id, name, image, preprocessing, augmentation };
    return new Promise((resolve, reject) => {
      this.#jobs.set(id, { worker, resolve, reject });
      this.#load.set(worker, this.#load.get(worker)! + 1);
      worker.postMessage(request);
    });
  }

  /** Ends the threads. Pending images are rejected. */
  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
    for (const { reject } of this.#jobs.values()) reject(new Error("the decoding pool was closed"));
    this.#jobs.clear();
  }

  /** Calls `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./decode_worker.ts", import.meta.url), workerOptions());
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      const job = this.#jobs.get(data.id);
      if (!job) return;
      this.#jobs.delete(data.id);
      this.#load.set(worker, this.#load.get(worker)! - 1);
      if ("input" in data) job.resolve(imageTensor(data.input, data.shape));
      else job.reject(data.isDataError ? new DataError(data.error) : new Error(data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      for (const [id, job] of this.#jobs) {
        if (job.worker !== worker) continue;
        this.#jobs.delete(id);
        job.reject(new Error(`a decoding thread failed: ${event.message}`));
      }
    };
    this.#load.set(worker, 0);
    return worker;
  }
}
