/** Runs the fuzzer in its own thread, so that a reader that hangs is detected and stopped. */

import type { Job, Tally } from "./worker.ts";

/** Milliseconds that one input may take. The readers take a few; a machine may be busy. */
const TIME_LIMIT = 20_000;

/** Reads `inputs` damaged files of a format, from number `first` on. */
export async function fuzz(options: Pick<Job, "format" | "seed" | "inputs"> & { first?: number }): Promise<Tally> {
  const current = new Int32Array(new SharedArrayBuffer(4));
  const folder = await Deno.makeTempDir({ prefix: "odconv_fuzz_" });
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  let watch: ReturnType<typeof setInterval> | undefined;
  try {
    return await new Promise<Tally>((resolve) => {
      const fail = (why: string) => {
        resolve({
          read: 0,
          refused: 0,
          slowest: NaN,
          largest: NaN,
          resident: NaN,
          failures: [{ input: Atomics.load(current, 0), why }],
        });
      };
      worker.onmessage = ({ data }: MessageEvent<Tally>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        fail(`the thread ended: ${event.message}`);
      };
      let last = -1, since = performance.now();
      watch = setInterval(() => {
        const input = Atomics.load(current, 0);
        if (input !== last) [last, since] = [input, performance.now()];
        else if (performance.now() - since > TIME_LIMIT) fail(`still reading after ${TIME_LIMIT} ms`);
      }, 250);
      worker.postMessage({ first: 0, ...options, folder, current } satisfies Job);
    });
  } finally {
    clearInterval(watch);
    worker.terminate();
    await Deno.remove(folder, { recursive: true });
  }
}
