/**
 * A WebGPU device that runs graphs, in Deno or a browser. If something fails on the device, the work in progress throws
 * a DeviceError. If the device is lost, it is opened again and repeatable work is repeated (see
 * ./connection/recovery.ts).
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Device } from "../graph/backend.ts";
import type { Graph } from "../graph/graph.ts";
import { connect, type Connection, type ConnectionOptions } from "./connection/connection.ts";
import { Recovery, redoWhenLost } from "./connection/recovery.ts";
import type { Shader } from "./plan/kernel.ts";
import type { Capabilities } from "./plan/plan.ts";
import type { ChooseVariant } from "./plan/variant.ts";
import type { DeviceOwner, DeviceUser } from "./run/backend.ts";
import { compileGraph, type WebGpuExecutable } from "./run/executable.ts";
import { tunedChoice } from "./tuning/choose.ts";
import type { Tuning } from "./tuning/tuning.ts";

/** Options of {@link openWebGpu}. */
export interface WebGpuOptions extends ConnectionOptions {
  /** The measured speed of kernels. It also says whether to measure more when a graph is compiled. */
  readonly tuning?: Tuning;
  /** Called with one line of text after the device was lost and opened again. */
  readonly notice?: (line: string) => void;
}

/**
 * Opens the system's WebGPU device. Returns null if there is none. Throws DeviceError if the adapter refuses a device.
 */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend | null> {
  const connection = await connect(options);
  return connection && new WebGpuBackend(connection, options);
}

/** A WebGPU device that runs graphs. Made by {@link openWebGpu}. */
export class WebGpuBackend implements Device, DeviceOwner {
  /** Always "webgpu". */
  readonly name = "webgpu";
  /** The measurements that choose among kernels. Without it, the best guess is used. */
  readonly tuning?: Tuning;
  readonly #recovery: Recovery;
  #executables = new Set<DeviceUser>();
  #disposed = false;

  /** Do not call this; use {@link openWebGpu}. */
  constructor(connection: Connection, options: WebGpuOptions) {
    this.tuning = options.tuning;
    this.#recovery = new Recovery(connection, () => connect(options), options.notice);
  }

  /** The current device. It changes if the device is lost and opened again. */
  get connection(): Connection {
    return this.#recovery.connection;
  }

  /** The device itself, for tools that measure it. */
  get device(): GPUDevice {
    return this.connection.device;
  }

  /** The adapter's own description. */
  get description(): string {
    return this.connection.description;
  }

  /** The limits and features that graphs are planned for. */
  get capabilities(): Capabilities {
    return this.connection.capabilities;
  }

  /**
   * Plans memory, builds pipelines and uploads parameters. `choose` picks a kernel for each node that has several.
   * Without it, the best guess is used. Throws DeviceError if the graph does not fit.
   */
  async compile(graph: Graph, choose?: ChooseVariant): Promise<WebGpuExecutable> {
    const executable = await this.redo(async () => {
      this.check();
      const chosen = choose ?? (this.tuning && await tunedChoice(this, graph, this.tuning));
      return await compileGraph(this, graph, chosen);
    });
    this.#executables.add(executable);
    return executable;
  }

  /** An executable calls this after it has freed its memory. */
  forget(executable: DeviceUser): void {
    this.#executables.delete(executable);
  }

  /** Throws the device's error if it has failed or was disposed. */
  check(): void {
    if (this.#disposed) throw new DeviceError("the WebGPU device was disposed");
    this.connection.check();
  }

  /** Does work that may be repeated. If the device is lost, opens it again and repeats the work. */
  redo<T>(work: () => Promise<T>): Promise<T> {
    return redoWhenLost(this.#recovery, work);
  }

  /**
   * Returns the pipeline of a shader. Shaders of equal source share one pipeline. Rejects with the compiler's message.
   */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    return this.connection.pipeline(shader);
  }

  /** Frees the device after the runs in flight have ended. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const executables = [...this.#executables];
    executables.forEach((executable) => executable.dispose());
    // Some implementations end the process if a device is destroyed while work is pending.
    Promise.all(executables.map((executable) => executable.idle())).then(() => this.device.destroy());
  }

  /** The same as {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
