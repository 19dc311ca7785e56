import type { Executable } from "../../graph/backend.ts";
import type { Connection } from "../connection/connection.ts";
import type { Shader } from "../plan/kernel.ts";
import type { Capabilities } from "../plan/plan.ts";

/** An executable that a device disposes of before it disposes of itself. */
export interface DeviceUser extends Executable {
  /** Resolves when no run is in flight. */
  idle(): Promise<void>;
}

/** What executables and tuning need from their device. The underlying GPUDevice changes if it is lost. */
export interface DeviceOwner {
  /** The current device. It changes if the device is lost and opened again. */
  readonly connection: Connection;
  /** The device itself. */
  readonly device: GPUDevice;
  /** The adapter's own description. */
  readonly description: string;
  /** The limits and features that graphs are planned for. */
  readonly capabilities: Capabilities;
  /** Throws the device's error if it has failed or was disposed. */
  check(): void;
  /** Does work that may be repeated. If the device is lost, opens it again and repeats the work. */
  redo<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Returns the pipeline of a shader. Shaders of equal source share one pipeline. Rejects with the compiler's message.
   */
  pipeline(shader: Shader): Promise<GPUComputePipeline>;
  /** An executable calls this after it has freed its memory. */
  forget(executable: DeviceUser): void;
}
