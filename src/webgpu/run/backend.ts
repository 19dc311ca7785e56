import type { Executable } from "../../graph/backend.ts";
import type { Connection } from "../connection/connection.ts";
import type { Shader } from "../plan/kernel.ts";
import type { Capabilities } from "../plan/plan.ts";

/** What a device disposes of before itself. */
export interface DeviceUser extends Executable {
  /** Resolves when no run is in flight. */
  idle(): Promise<void>;
}

/** What executables and tuning need of the device that they run on: which one it is may change when it is lost. */
export interface DeviceOwner {
  /** The device of the moment: another one once it was lost and opened again. */
  readonly connection: Connection;
  /** The device itself. */
  readonly device: GPUDevice;
  /** The adapter's own description. */
  readonly description: string;
  /** What graphs are planned for. */
  readonly capabilities: Capabilities;
  /** Throws the device's failure, if it has failed or was disposed. */
  check(): void;
  /** Does work that may be repeated; if the device is lost, opens it and begins again. */
  redo<T>(work: () => Promise<T>): Promise<T>;
  /** The pipeline of a shader; one for all shaders of equal source. Rejects with what the compiler said. */
  pipeline(shader: Shader): Promise<GPUComputePipeline>;
  /** Called by an executable that has freed its memory. */
  forget(executable: DeviceUser): void;
}
