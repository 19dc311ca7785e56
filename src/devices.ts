/**
 * Which executor runs a graph. Each is loaded only when it is asked for, so that nobody downloads the other one.
 *
 * @module
 */

import { DeviceError } from "./errors.ts";
import type { Backend } from "./graph/backend.ts";

/** What a person may ask for; "auto" is WebGPU where there is an adapter, else the CPU. */
export type DeviceName = "auto" | "webgpu" | "cpu";

/** How a device is opened. */
export interface DeviceOptions {
  /** CPU: threads that run batches side by side; 1, in the calling thread, if left out. */
  readonly workers?: number;
  /** Told in one line when "auto" falls back to the CPU. */
  readonly notice?: (line: string) => void;
}

/** Opens a device. Throws DeviceError where the one that was asked for is not there. */
export async function openDevice(name: DeviceName = "auto", options: DeviceOptions = {}): Promise<Backend> {
  if (name === "cpu") return await openCpuDevice(options);
  const { openWebGpu } = await import("./webgpu/device.ts");
  const webgpu = await openWebGpu();
  if (webgpu) return webgpu;
  if (name === "webgpu") {
    throw new DeviceError(
      "no WebGPU adapter was found; install a Vulkan driver (Debian: mesa-vulkan-drivers libvulkan1) or use the CPU",
    );
  }
  options.notice?.("no WebGPU adapter was found: running on the CPU");
  return await openCpuDevice(options);
}

async function openCpuDevice({ workers = 1 }: DeviceOptions): Promise<Backend> {
  const { openCpu, openCpuPool } = await import("./cpu/backend.ts");
  return workers > 1 ? await openCpuPool(workers) : await openCpu();
}
