/**
 * Uploads parameters to the device and reads them back.
 *
 * @module
 */

import { DeviceError, ShapeError } from "../../errors.ts";
import { toFloat16 } from "../../float16.ts";
import type { Tensors } from "../../graph/backend.ts";
import { size, type Value } from "../../graph/graph.ts";
import { guarded } from "../connection/error_scopes.ts";
import { BUFFER_USAGE, MAP_MODE } from "../connection/usage.ts";
import { TEXEL_BYTES, TEXTURE_WIDTH, textureRows, unpackBlocks } from "../plan/layout.ts";
import type { Plan } from "../plan/plan.ts";
import type { DeviceMemory } from "./memory.ts";

/** Uploads the plan's constants and every layout of every parameter. Loads each parameter once. */
export async function uploadParameters(device: GPUDevice, plan: Plan, memory: DeviceMemory): Promise<void> {
  for (const { resource, data } of plan.constants) memory.write(resource, data);
  for (const [value, uploads] of plan.uploads) {
    const data = await load(value);
    await guarded(device, value.name, () => {
      for (const { resource, pack } of uploads) {
        const texels = resource.form === "texture" ? textureRows(resource.texels) * TEXTURE_WIDTH : resource.texels;
        const packed = new Float32Array(texels * 4);
        pack(data, packed);
        const refused = (message: string) => new DeviceError(message);
        memory.write(resource, resource.precision ? toFloat16(value.name, packed, refused) : packed);
      }
    });
  }
}

async function load(value: Value): Promise<Float32Array<ArrayBuffer>> {
  if (value.source.kind !== "parameter") throw new DeviceError(`${value.name} is not a parameter`);
  const data = await value.source.load();
  checkLength(value.name, value, data);
  return data;
}

/**
 * Throws ShapeError unless the length of `data` matches the value's shape. `name` is the tensor's name in the message.
 */
export function checkLength(name: string, value: Value, data: Float32Array): void {
  if (data.length !== size(value.shape)) {
    throw new ShapeError(
      `${name} has ${data.length} numbers, expected ${size(value.shape)} ([${value.shape.join(", ")}])`,
    );
  }
}

/**
 * Returns the values of parameters after all work submitted so far, in row-major order. Throws ShapeError if the plan
 * has no parameter of a given name.
 */
export async function readParameters(
  device: GPUDevice,
  plan: Plan,
  memory: DeviceMemory,
  names: readonly string[],
): Promise<Tensors> {
  const values = names.map((name) => {
    const value = plan.parameters.get(name);
    if (!value) throw new ShapeError(`the graph has no parameter "${name}"`);
    return { name, value };
  });
  const answer: Tensors = {};
  const copies = await guarded(device, "reading parameters", () => {
    const encoder = device.createCommandEncoder();
    const recorded = values.flatMap(({ name, value }) => {
      const resource = plan.updated.get(value);
      if (!resource) return [];
      const bytes = resource.texels * TEXEL_BYTES;
      const usage = BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST;
      const readback = device.createBuffer({ label: name, size: bytes, usage });
      encoder.copyBufferToBuffer(memory.buffer(resource), 0, readback, 0, bytes);
      return [{ name, value, readback }];
    });
    device.queue.submit([encoder.finish()]);
    return recorded;
  });
  try {
    await Promise.all(copies.map(({ readback }) => readback.mapAsync(MAP_MODE.READ)));
    for (const { name, value, readback } of copies) {
      answer[name] = unpackBlocks(value.shape, new Float32Array(readback.getMappedRange()));
    }
  } catch (error) {
    throw new DeviceError(`reading parameters: ${(error as Error).message}`);
  } finally {
    copies.forEach(({ readback }) => readback.destroy());
  }
  // No run changes the other parameters, so their loaded values are still right.
  for (const { name, value } of values) answer[name] ??= await load(value);
  return answer;
}
