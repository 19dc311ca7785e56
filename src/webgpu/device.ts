/**
 * A WebGPU device that runs graphs, in Deno or a browser. Whatever goes wrong on it becomes a DeviceError of the work that
 * meets it; where the device is lost it is opened again, and the work that can be repeated is (see ./connection/recovery.ts).
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

/** Choices of {@link openWebGpu}. */
export interface WebGpuOptions extends ConnectionOptions {
  /** What is known of the speed of kernels, and whether to find out more when a graph is compiled. */
  readonly tuning?: Tuning;
  /** Told in one line when the device was lost and opened again. */
  readonly notice?: (line: string) => void;
}

/** Opens the system's WebGPU device; null where there is none. Throws DeviceError where the adapter refuses a device. */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend | null> {
  const connection = await connect(options);
  return connection && new WebGpuBackend(connection, options);
}

/** A WebGPU device that runs graphs. Made by {@link openWebGpu}. */
export class WebGpuBackend implements Device, DeviceOwner {
  /** Always "webgpu". */
  readonly name = "webgpu";
  /** Who chooses among kernels; the best guess is taken without. */
  readonly tuning?: Tuning;
  readonly #recovery: Recovery;
  #executables = new Set<DeviceUser>();
  #disposed = false;

  /** Use {@link openWebGpu}. */
  constructor(connection: Connection, options: WebGpuOptions) {
    this.tuning = options.tuning;
    this.#recovery = new Recovery(connection, () => connect(options), options.notice);
  }

  /** The device of the moment: another one once it was lost and opened again. */
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

  /** What graphs are planned for. */
  get capabilities(): Capabilities {
    return this.connection.capabilities;
  }

  /**
   * Plans memory, builds pipelines and uploads parameters. `choose` picks among the kernels of nodes that have several;
   * left out, the best guess. Throws DeviceError where the graph does not fit.
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

  /** Called by an executable that has freed its memory. */
  forget(executable: DeviceUser): void {
    this.#executables.delete(executable);
  }

  /** Throws the device's failure, if it has failed or was disposed. */
  check(): void {
    if (this.#disposed) throw new DeviceError("the WebGPU device was disposed");
    this.connection.check();
  }

  /** Does work that may be repeated; where the device is lost, opens it and begins again. */
  redo<T>(work: () => Promise<T>): Promise<T> {
    return redoWhenLost(this.#recovery, work);
  }

  /** The pipeline of a shader; one for all shaders of equal source. Rejects with what the compiler said. */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    return this.connection.pipeline(shader);
  }

  /** Frees the device once the runs in flight have ended. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const executables = [...this.#executables];
    executables.forEach((executable) => executable.dispose());
    // Some implementations end the process when a device is destroyed with work pending.
    Promise.all(executables.map((executable) => executable.idle())).then(() => this.device.destroy());
  }

  /** {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
