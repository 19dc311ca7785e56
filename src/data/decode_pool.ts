/**
 * Decoding and preprocessing in worker threads, beside whatever the caller's thread does.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import type { DecodeReply, DecodeRequest, StoredImage } from "./decode_messages.ts";
import type { Preprocessing } from "./preprocessing.ts";

/** One image of a data set, ready for the network, or the error that kept it from being so. */
export type PreparedImage =
  & {
    /** The image's index in the data set. */
    readonly index: number;
    /** Its name. */
    readonly file: string;
    /** Its class. */
    readonly label: number;
  }
  & (
    | {
      /** Normalised planes [3, height, width]. */
      readonly input: Float32Array<ArrayBuffer>;
      /** Absent. */
      readonly error?: undefined;
    }
    | {
      /** Absent. */
      readonly input?: undefined;
      /** Why the image cannot be read; its message names the file. */
      readonly error: DataError;
    }
  );

interface Job {
  readonly worker: Worker;
  readonly resolve: (input: Float32Array<ArrayBuffer>) => void;
  readonly reject: (error: Error) => void;
}

/** Worker threads that prepare images. `close()` ends them; `using` does so by itself. */
export class DecodePool {
  readonly #workers: Worker[];
  readonly #load = new Map<Worker, number>();
  readonly #jobs = new Map<number, Job>();
  #nextId = 0;

  /** Starts `workers` threads (one a core, less one for the caller, unless given). */
  constructor(workers: number = Math.max(navigator.hardwareConcurrency - 1, 1)) {
    this.#workers = Array.from({ length: workers }, () => this.#start());
  }

  /** How many threads there are. */
  get size(): number {
    return this.#workers.length;
  }

  /**
   * The network's input for one image, float32 planes [3, height, width]. Throws DataError naming `name` for an image
   * that cannot be decoded. Images go to the thread with the least to do; the caller limits how many wait.
   */
  prepare(image: StoredImage, name: string, preprocessing: Preprocessing): Promise<Float32Array<ArrayBuffer>> {
    const worker = this.#workers.reduce((a, b) => this.#load.get(b)! < this.#load.get(a)! ? b : a);
    const id = this.#nextId++;
    const request: DecodeRequest = { id, name, image, preprocessing };
    return new Promise((resolve, reject) => {
      this.#jobs.set(id, { worker, resolve, reject });
      this.#load.set(worker, this.#load.get(worker)! + 1);
      worker.postMessage(request);
    });
  }

  /**
   * Prepares the images `indices` of a data set and yields them in that order. At most `ahead` images (four a thread
   * unless given) are read or decoded before they are asked for. A broken image is yielded with its error; other errors
   * are thrown.
   */
  async *prepareAll(
    dataset: Dataset,
    indices: Iterable<number>,
    preprocessing: Preprocessing,
    ahead: number = 4 * this.size,
  ): AsyncGenerator<PreparedImage, void> {
    const started: Promise<PreparedImage>[] = [];
    for (const index of indices) {
      const next = this.#prepareItem(dataset, index, preprocessing);
      // Kept until it is yielded: a failure must not count as unhandled while it waits for its turn.
      next.catch(() => {});
      started.push(next);
      if (started.length >= ahead) yield await started.shift()!;
    }
    while (started.length > 0) yield await started.shift()!;
  }

  /** Ends the threads; images still being prepared are rejected. */
  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
    for (const { reject } of this.#jobs.values()) reject(new Error("the decoding pool was closed"));
    this.#jobs.clear();
  }

  /** `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #prepareItem(dataset: Dataset, index: number, preprocessing: Preprocessing): Promise<PreparedImage> {
    const { file, label } = dataset.item(index);
    try {
      const input = await this.prepare(await dataset.load(index), file, preprocessing);
      return { index, file, label, input };
    } catch (error) {
      if (error instanceof DataError) return { index, file, label, error };
      throw error;
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL("./decode_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      const job = this.#jobs.get(data.id);
      if (!job) return;
      this.#jobs.delete(data.id);
      this.#load.set(worker, this.#load.get(worker)! - 1);
      if ("input" in data) job.resolve(data.input);
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
