/// <reference lib="deno.worker" />
/** Reads damaged files one after the other. The thread that started this worker watches the time of each. */

import { countAllocations, takeRequested } from "./allocations.ts";
import { FORMATS } from "./formats.ts";
import { type Bytes, mutate } from "./mutate.ts";
import { Random } from "./random.ts";

/** What to read. */
export interface Job {
  /** A key of FORMATS. */
  readonly format: string;
  /** Decides the damage, together with the input's number. */
  readonly seed: number;
  /** The first input and how many. */
  readonly first: number;
  readonly inputs: number;
  /** Where temporary files go. */
  readonly folder: string;
  /** One number: the input that is being read. */
  readonly current: Int32Array;
}

/** What came of it. */
export interface Tally {
  /** Inputs that were valid after all, and those that were refused. */
  read: number;
  refused: number;
  /** The longest that one took, in milliseconds. */
  slowest: number;
  /** The most memory that one asked for, in bytes. */
  largest: number;
  /** The most memory that the whole process had, WebAssembly's included, in bytes. */
  resident: number;
  /** Inputs that ended otherwise. */
  readonly failures: { readonly input: number; readonly why: string }[];
}

/** Input number `index`. */
export function makeInput(
  seeds: readonly Bytes[],
  { format, seed }: Pick<Job, "format" | "seed">,
  index: number,
): Bytes {
  const random = new Random(format, seed, index);
  const bytes = mutate(seeds, random);
  const { repair } = FORMATS[format];
  return repair && random.below(4) > 0 ? repair(bytes) : bytes;
}

const FREE_MEMORY = 64 << 20;

async function run(job: Job): Promise<Tally> {
  const { seeds, read, error: expected, memoryPerByte = 64 } = FORMATS[job.format];
  const files = await seeds();
  const tally: Tally = { read: 0, refused: 0, slowest: 0, largest: 0, resident: 0, failures: [] };
  for (let input = job.first; input < job.first + job.inputs && tally.failures.length < 10; input++) {
    const bytes = makeInput(files, job, input);
    Atomics.store(job.current, 0, input);
    takeRequested();
    const began = performance.now();
    try {
      await read(bytes, job.folder);
      tally.read++;
    } catch (error) {
      if (error instanceof expected && error.message.length < 2000) tally.refused++;
      else tally.failures.push({ input, why: String(error instanceof Error ? error.stack : error).slice(0, 2000) });
    }
    tally.slowest = Math.max(tally.slowest, performance.now() - began);
    // Buffers outlive the inputs until they are collected; what is in question is what an input needs.
    if (input % 64 === 0) (globalThis as { gc?: () => void }).gc?.();
    tally.resident = Math.max(tally.resident, Deno.memoryUsage().rss);
    const requested = takeRequested();
    tally.largest = Math.max(tally.largest, requested);
    if (requested > FREE_MEMORY + memoryPerByte * bytes.length) {
      tally.failures.push({ input, why: `${requested} bytes of memory for a file of ${bytes.length}` });
    }
  }
  return tally;
}

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  countAllocations();
  self.onmessage = async ({ data }: MessageEvent<Job>) => self.postMessage(await run(data));
}
