/**
 * Which executor runs a graph. An executor is loaded only when a program opens it, so the other one is not downloaded.
 *
 * @module
 */

import { checkNumber, checkWord, COUNT } from "./arguments.ts";
import { ArgumentError, DeviceError } from "./errors.ts";
import type { Device } from "./graph/backend.ts";
import type { GpuSource } from "./webgpu/connection/connection.ts";
import type { Capabilities, Precision } from "./webgpu/plan/plan.ts";
import type { Tuning } from "./webgpu/tuning/tuning.ts";

export type { GpuSource };

/** A device by name. "auto" is the faster of the two, by the kind of WebGPU adapter and of work. */
export type DeviceName = "auto" | "webgpu" | "cpu";

/** What a device is opened for. */
export type DeviceWork = "inference" | "training";

/** How a device is opened. */
export interface DeviceOptions {
  /** "auto": the work that the device should be fast at; "inference" if left out. Any device does both. */
  readonly work?: DeviceWork;
  /** "auto": take WebGPU if there is an adapter, for features that only it has. A precision of float16 implies it. */
  readonly preferWebGpu?: boolean;
  /** CPU: threads that run batches side by side; 1, in the calling thread, if left out. */
  readonly workers?: number;
  /** WebGPU: measured speeds of kernels, and whether to measure more. */
  readonly tuning?: Tuning;
  /** WebGPU: how constant weights of convolutions are stored; "float32" if left out. The CPU's are float32. */
  readonly precision?: Precision;
  /** WebGPU: where adapters come from, such as a package with its own WebGPU; `navigator.gpu` if left out. */
  readonly gpu?: GpuSource;
  /** Called with one line: what "auto" has chosen and why, or that a WebGPU device was lost and opened again. */
  readonly notice?: (line: string) => void;
}

/**
 * Opens a device.
 *
 * @param name "auto" takes the faster one; "webgpu" and "cpu" insist
 * @throws ArgumentError if the name or an option is not one of those
 * @throws DeviceError if the device that was asked for is not there
 */
export async function openDevice(name: DeviceName = "auto", options: DeviceOptions = {}): Promise<Device> {
  checkWord("the device", name, ["auto", "webgpu", "cpu"]);
  checkWord("work", options.work ?? "inference", ["inference", "training"]);
  checkWord("precision", options.precision ?? "float32", ["float32", "float16"]);
  checkNumber("workers", options.workers ?? 1, COUNT);
  if (options.gpu !== undefined && typeof options.gpu?.requestAdapter !== "function") {
    throw new ArgumentError("gpu has no requestAdapter(), expected an object as navigator.gpu is");
  }
  if (name === "cpu") return await openCpuDevice(options);
  const { openWebGpu } = await import("./webgpu/device.ts");
  const { tuning, precision, notice, gpu } = options;
  if (name === "webgpu") {
    const webgpu = await openWebGpu({ tuning, precision, notice, gpu });
    if (webgpu) return webgpu;
    throw new DeviceError(
      "no WebGPU adapter was found; install a Vulkan driver (Debian: mesa-vulkan-drivers libvulkan1) or use the CPU",
    );
  }
  let refusal: string | undefined;
  const webgpu = await openWebGpu({ tuning, precision, notice, gpu }).catch((error: Error) => {
    if (!(error instanceof DeviceError)) throw error;
    refusal = error.message;
    return null;
  });
  const preferred = webgpu && (options.preferWebGpu || precision === "float16");
  const { device, why } = preferred ? PREFERRED : fasterDevice(webgpu?.capabilities, options.work);
  notice?.(refusal ? `${refusal}: running on the CPU` : why);
  if (device === "webgpu") return webgpu!;
  webgpu?.dispose();
  return await openCpuDevice(options);
}

/** A choice of "auto", and why, in one line. */
interface Choice {
  readonly device: "webgpu" | "cpu";
  readonly why: string;
}

const PREFERRED: Choice = { device: "webgpu", why: "running on WebGPU: what was asked for is only there" };

/** Which executor is faster beside such an adapter. Measured: docs/bench.md. */
export function fasterDevice(
  adapter: Pick<Capabilities, "profile" | "operands"> | undefined,
  work: DeviceWork = "inference",
): Choice {
  if (!adapter) return { device: "cpu", why: "no WebGPU adapter was found: running on the CPU" };
  if (adapter.profile === "hardware") return { device: "webgpu", why: "running on WebGPU: the adapter is a GPU" };
  return adapter.operands === "texture" && work === "training"
    ? {
      device: "webgpu",
      why: "running on WebGPU: a software adapter, but one that trains faster than the CPU executor",
    }
    : { device: "cpu", why: "running on the CPU: the WebGPU adapter is software, and slower" };
}

async function openCpuDevice({ workers = 1 }: DeviceOptions): Promise<Device> {
  const { openCpu, openCpuPool } = await import("./cpu/backend.ts");
  return workers > 1 ? await openCpuPool(workers) : await openCpu();
}
