/**
 * A plan's place on a device: memory allocated and filled, pipelines and bind groups made.
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

/** A plan on a device. Made by {@link place}. */
export interface Placed {
  /** The device. */
  readonly connection: Connection;
  /** What its resources are there. */
  readonly memory: DeviceMemory;
  /** Its steps, in the parts in which they are submitted. */
  readonly parts: readonly (readonly Command[])[];
  /** Buffers that outputs are read from, between runs. */
  readonly readbacks: GPUBuffer[];
}

/** Frees it. No run may use it any more. */
export function free({ memory, readbacks }: Placed): void {
  memory.destroy();
  readbacks.forEach((buffer) => buffer.destroy());
}

/** Allocates and fills what a plan needs on the device of the moment. Throws DeviceError where that fails or is lost. */
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

/** The commands of a plan's steps, their pipelines compiled side by side. Throws DeviceError, naming the layer. */
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
