/**
 * Opens both executors for tests that run on each. They are opened once and named in the output. They are never
 * skipped.
 */

import { openCpu } from "../../src/cpu/backend.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { openWebGpu } from "../../src/webgpu/device.ts";

/** The two executors, in the order in which tests run them. */
export const DEVICE_NAMES = ["cpu", "webgpu"] as const;

let banner: Promise<void> | undefined;

/** Opens a device of this machine. If it is missing, fails and names the remedy. Prints once what runs the tests. */
export async function openTestDevice(name: Backend["name"]): Promise<Backend> {
  await (banner ??= printVersions());
  const device = name === "cpu" ? await openCpu() : await openWebGpu();
  if (!device) {
    throw new Error("these tests need a WebGPU adapter and found none: `deno task test` says what to install");
  }
  return device;
}

/** Runs a function on a device. On WebGPU it runs inside error scopes, so that a driver's error fails the test. */
export async function inErrorScopes<T>(device: Backend, work: () => Promise<T>): Promise<T> {
  const gpu = (device as { device?: GPUDevice }).device;
  const filters = gpu ? ["validation", "out-of-memory", "internal"] as const : [];
  for (const filter of filters) gpu?.pushErrorScope(filter);
  const [outcome] = await Promise.allSettled([work()]);
  const complaints = await Promise.all(filters.map(() => gpu?.popErrorScope()));
  if (outcome.status === "rejected") throw outcome.reason;
  const messages = complaints.flatMap((error) => error ? [error.message] : []);
  if (messages.length) throw new Error(`WebGPU complains: ${messages.join("; ")}`);
  return outcome.value;
}

/** "Deno 2.9.6 (V8 ...); WebGPU: llvmpipe (LLVM 15.0.6, 256 bits); CPU: WASM relaxed SIMD, 1 thread" */
export async function versions(): Promise<string> {
  const info = (await navigator.gpu.requestAdapter())?.info;
  // The description names the driver and its version, if the platform reports them.
  const adapter = info ? info.description || `${info.vendor} ${info.architecture}` : "no adapter";
  const { description } = await openCpu();
  return `Deno ${Deno.version.deno} (V8 ${Deno.version.v8}); WebGPU: ${adapter}; CPU: ${description}`;
}

async function printVersions(): Promise<void> {
  console.log(await versions());
}
