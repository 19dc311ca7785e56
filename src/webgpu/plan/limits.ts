/**
 * Checks a plan against the device's limits. A plan that passes does not exceed any size limit of WebGPU's validation.
 * If a smaller batch would fit, the error's reason is "too large", so that the caller can split the batch.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Shape } from "../../graph/graph.ts";
import { type Dispatch, gridOf, type Resource } from "./kernel.ts";
import { TEXEL_BYTES, texelBytes, TEXTURE_WIDTH, UNIFORM_STRIDE } from "./layout.ts";
import type { Capabilities, Plan } from "./plan.ts";

/** Invocation numbers have 32 bits. */
const MOST_INVOCATIONS = 2 ** 32;

function inUnits(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Returns the largest size in bytes of a buffer that kernels bind. */
export function mostBytes({ maxBindingBytes, maxBufferBytes }: Capabilities): number {
  // Buffers are allocated in whole rows.
  const row = TEXTURE_WIDTH * TEXEL_BYTES;
  return Math.min(maxBindingBytes, Number.isFinite(maxBufferBytes) ? Math.floor(maxBufferBytes / row) * row : Infinity);
}

/**
 * What a resource holds: a value of the graph with that shape, or "a parameter", whose size does not depend on the
 * batch.
 */
export type Held = Shape | "a parameter";

/**
 * Throws DeviceError if resources exceed the device's limits. The message names a parameter if one is too large, else
 * the largest resource. `held` has no entry for a kernel's own scratch memory.
 */
export function checkResources(
  resources: readonly Resource[],
  held: ReadonlyMap<Resource, Held>,
  capabilities: Capabilities,
): void {
  const most = mostBytes(capabilities);
  const bytesOf = (resource: Resource) => resource.texels * texelBytes(resource);
  // Textures are only created if they fit.
  const tooLarge = resources.filter((resource) => resource.form === "buffer" && bytesOf(resource) > most);
  if (tooLarge.length === 0) return;
  const parameter = tooLarge.find((resource) => held.get(resource) === "a parameter");
  const resource = parameter ?? tooLarge.reduce((a, b) => bytesOf(b) > bytesOf(a) ? b : a);
  const { label } = resource;
  const bytes = bytesOf(resource);
  const limit = `this adapter binds at most ${inUnits(most)}`;
  if (parameter) throw new DeviceError(`${label}: a parameter of ${inUnits(bytes)}; ${limit}; use the CPU`);
  const shape = held.get(resource) as Shape | undefined;
  if (!shape) {
    throw new DeviceError(
      `${label}: a kernel needs ${inUnits(bytes)} for it; ${limit}; use a smaller batch, smaller images or the CPU`,
      { reason: "too large" },
    );
  }
  const [batch = 1] = shape;
  const fits = Math.floor(most / (bytes / batch));
  throw new DeviceError(
    `${label}: a batch of ${batch} makes a tensor [${shape.join(", ")}] of ${inUnits(bytes)}; ${limit}; ` +
      (fits > 0 ? `a batch of ${fits} fits` : "use smaller images or the CPU"),
    { reason: "too large" },
  );
}

/** Throws DeviceError, with the layer's name, if a dispatch has more workgroups than the device allows. */
export function checkDispatch(node: string, { shader, invocations }: Dispatch, { maxWorkgroups }: Capabilities): void {
  const { label, workgroupSize } = shader;
  const [columns, rows] = gridOf(Math.ceil(invocations / workgroupSize), maxWorkgroups);
  if (rows <= maxWorkgroups && columns * rows * workgroupSize <= MOST_INVOCATIONS) return;
  throw new DeviceError(
    `${node} (${label}): ${invocations} invocations of ${workgroupSize} a workgroup; this adapter takes at most ` +
      `${maxWorkgroups} x ${maxWorkgroups} workgroups and ${MOST_INVOCATIONS} invocations; use a smaller batch`,
    { reason: "too large" },
  );
}

/** Throws DeviceError if a buffer of the whole plan exceeds what the device can allocate. */
export function checkWhole({ steps, outputs }: Plan, { maxBufferBytes }: Capabilities): void {
  const buffers = {
    "the steps' extents": steps.length * UNIFORM_STRIDE,
    "the outputs": [...outputs.values()].reduce((bytes, { resource }) => bytes + resource.texels * TEXEL_BYTES, 0),
  };
  for (const [what, bytes] of Object.entries(buffers)) {
    if (bytes <= maxBufferBytes) continue;
    throw new DeviceError(
      `${what} together take ${inUnits(bytes)}; this adapter allocates at most ${inUnits(maxBufferBytes)} at once; ` +
        "use a smaller batch",
      { reason: "too large" },
    );
  }
}
