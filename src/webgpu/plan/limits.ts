/**
 * What a device refuses, found out while planning: a plan that passes asks for nothing that WebGPU's validation would
 * refuse for its size. Where fewer images would do, the error's reason is "too large", so that a batch is split.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Shape } from "../../graph/graph.ts";
import { type Dispatch, gridOf, type Resource } from "./kernel.ts";
import { TEXEL_BYTES, texelBytes, TEXTURE_WIDTH, UNIFORM_STRIDE } from "./layout.ts";
import type { Capabilities, Plan } from "./plan.ts";

/** Invocations are numbered in 32 bits. */
const MOST_INVOCATIONS = 2 ** 32;

function inUnits(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** The largest number of bytes of a buffer that kernels bind. */
export function mostBytes({ maxBindingBytes, maxBufferBytes }: Capabilities): number {
  // Buffers are allocated in whole rows.
  const row = TEXTURE_WIDTH * TEXEL_BYTES;
  return Math.min(maxBindingBytes, Number.isFinite(maxBufferBytes) ? Math.floor(maxBufferBytes / row) * row : Infinity);
}

/**
 * Throws DeviceError where a resource exceeds the device's limits. `of` is what it holds: the shape of a value of the
 * graph, or "a parameter", which no batch makes smaller; left out for what kernels keep for themselves.
 */
export function checkResource(resource: Resource, capabilities: Capabilities, of?: Shape | "a parameter"): void {
  const { label, form, texels } = resource;
  const bytes = texels * texelBytes(resource);
  if (form === "texture" ? texels <= capabilities.maxTextureTexels : bytes <= mostBytes(capabilities)) return;
  const most = form === "texture" ? capabilities.maxTextureTexels * texelBytes(resource) : mostBytes(capabilities);
  const limit = `this adapter binds at most ${inUnits(most)}`;
  if (of === "a parameter") {
    throw new DeviceError(`${label}: a parameter of ${inUnits(bytes)}; ${limit}; use the CPU`);
  }
  if (!of) {
    throw new DeviceError(
      `${label}: a kernel needs ${inUnits(bytes)} for it; ${limit}; use a smaller batch, smaller images or the CPU`,
      { reason: "too large" },
    );
  }
  const batch = of[0] ?? 1;
  const fits = Math.floor(most / (bytes / batch));
  throw new DeviceError(
    `${label}: a batch of ${batch} makes a tensor [${of.join(", ")}] of ${inUnits(bytes)}; ${limit}; ` +
      (fits > 0 ? `a batch of ${fits} fits` : "use smaller images or the CPU"),
    { reason: "too large" },
  );
}

/** Throws DeviceError, naming the layer, where a dispatch has more workgroups than the device takes. */
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

/** Throws DeviceError where a buffer that belongs to the whole plan exceeds what the device allocates. */
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
