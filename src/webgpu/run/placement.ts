/**
 * Places a plan on a device: allocates and fills its memory, creates its pipelines and bind groups.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Connection } from "../connection/connection.ts";
import { guarded } from "../connection/error_scopes.ts";
import { gridOf } from "../plan/kernel.ts";
import { textureRows } from "../plan/layout.ts";
import type { Plan } from "../plan/plan.ts";
import type { DeviceOwner } from "./backend.ts";
import type { Command } from "./commands.ts";
import { DeviceMemory } from "./memory.ts";
import { uploadParameters } from "./parameters.ts";
import { partsOf } from "./submission.ts";

/** A plan on a device. Created by {@link place}. */
export interface Placed {
  /** The device. */
  readonly connection: Connection;
  /** The memory of the plan's resources. */
  readonly memory: DeviceMemory;
  /** The plan's commands, in the parts that are submitted separately. */
  readonly parts: readonly (readonly Command[])[];
  /** Free buffers for reading outputs. Runs reuse them. */
  readonly readbacks: GPUBuffer[];
}

/** Frees the memory. No run may still use it. */
export function free({ memory, readbacks }: Placed): void {
  memory.destroy();
  readbacks.forEach((buffer) => buffer.destroy());
}

/**
 * Allocates and fills the plan's memory on the current device. Throws DeviceError if that fails or the device is lost.
 */
export async function place(backend: DeviceOwner, plan: Plan): Promise<Placed> {
  const { connection } = backend;
  const { device } = connection;
  let memory: DeviceMemory | undefined;
  const work = async () => {
    const allocated = await guarded(device, "allocating memory", () => memory = new DeviceMemory(device, plan));
    // Started before the parameters are read, so that drivers compile meanwhile.
    const commands = makeCommands(backend, plan, allocated);
    commands.catch(() => {});
    await uploadParameters(device, plan, allocated);
    return { connection, memory: allocated, parts: partsOf(plan, await commands), readbacks: [] };
  };
  try {
    return await connection.watch(work());
  } catch (error) {
    memory?.destroy();
    throw error;
  }
}

/**
 * Creates the commands of a plan's steps. Compiles their pipelines in parallel. Throws DeviceError with the layer's
 * name.
 */
export function makeCommands(backend: DeviceOwner, plan: Plan, memory: DeviceMemory): Promise<Command[]> {
  const { device } = backend;
  const limit = device.limits.maxComputeWorkgroupsPerDimension;
  return Promise.all(plan.steps.map(async (step, i): Promise<Command> => {
    if (step.kind === "copy") {
      return {
        kind: "copy",
        from: memory.buffer(step.from),
        to: step.to.form === "buffer" ? { buffer: memory.buffer(step.to) } : { texture: memory.texture(step.to) },
        rows: textureRows(step.to.texels),
      };
    }
    const { shader, reads, writes, invocations } = step.dispatch;
    const what = `${step.node} (${shader.label})`;
    const pipeline = await backend.pipeline(shader).catch((error: Error) => {
      throw new DeviceError(`${what}: ${error.message}`);
    });
    const bindGroup = await guarded(device, what, () =>
      device.createBindGroup({
        label: what,
        layout: pipeline.getBindGroupLayout(0),
        entries: [memory.uniforms(i), ...[...reads, ...writes].map((r) => memory.binding(r))]
          .map((resource, binding) => ({ binding, resource })),
      }));
    return {
      kind: "dispatch",
      pipeline,
      bindGroup,
      grid: gridOf(Math.ceil(invocations / shader.workgroupSize), limit),
    };
  }));
}
