/**
 * Which executor runs a graph. Each is loaded only when it is asked for, so that nobody downloads the other one.
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

/** What a person may ask for; "auto" is the faster of the two, by what the WebGPU adapter is and what there is to do. */
export type DeviceName = "auto" | "webgpu" | "cpu";

/** What a device is opened for. */
export type DeviceWork = "inference" | "training";

/** How a device is opened. */
export interface DeviceOptions {
  /** "auto": what the device shall be fast at, "inference" unless said. Any device does both. */
  readonly work?: DeviceWork;
  /** "auto": take WebGPU wherever it is, for what only it has, as a precision of float16 does. */
  readonly preferWebGpu?: boolean;
  /** CPU: threads that run batches side by side; 1, in the calling thread, if left out. */
  readonly workers?: number;
  /** WebGPU: what is known of the speed of kernels, and whether to find out more. */
  readonly tuning?: Tuning;
  /** WebGPU: how constant weights of convolutions are kept, "float32" unless said. The CPU's are float32. */
  readonly precision?: Precision;
  /** WebGPU: whose adapters, as of a package that brings WebGPU along; `navigator.gpu` if left out. No globals are needed. */
  readonly gpu?: GpuSource;
  /** Told in one line what "auto" has chosen, and why, and of a WebGPU device that was lost and opened again. */
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
