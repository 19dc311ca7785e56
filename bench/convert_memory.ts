/**
 * Converts a checkpoint and reports the converter's peak memory beside the checkpoint's size (Linux: VmHWM of /proc).
 * The exit code is 1 if the peak is more than 1.5 times the size. It needs -A, because Deno opens /proc only with all
 * permissions.
 *
 *     deno run -A bench/convert_memory.ts CHECKPOINT [option of convert ...]
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { bytes } from "../tools/support/style.ts";

const LIMIT = 1.5;
const POLL_MS = 10;

const [checkpoint, ...options] = Deno.args;
const out = await Deno.makeTempFile({ suffix: ".safetensors" });
const tool = fileURLToPath(new URL("../tools/convert.ts", import.meta.url));
const started = performance.now();
const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-read", "--allow-write", "--no-prompt", tool, checkpoint, "--out", out, ...options],
}).spawn();

let peak = 0;
const timer = setInterval(() => {
  try {
    const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
    peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024 || peak;
  } catch (error) {
    // The process has ended between two reads.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}, POLL_MS);
const { code } = await child.status;
clearInterval(timer);

const { size } = Deno.statSync(checkpoint);
Deno.removeSync(out);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`peak     ${bytes(peak)}, ${(peak / size).toFixed(2)}x the checkpoint's ${bytes(size)}, in ${seconds} s`);
Deno.exit(code || Number(peak > LIMIT * size));
