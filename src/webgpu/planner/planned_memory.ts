/**
 * Computes the device memory that a graph needs, without a device.
 *
 * @module
 */

import type { Graph } from "../../graph/graph.ts";
import { TEXEL_BYTES, texelBytes, TEXTURE_WIDTH, textureRows } from "../plan/layout.ts";
import type { Capabilities } from "../plan/plan.ts";
import { livesOf } from "./lives.ts";
import { planMemory } from "./memory_plan.ts";
import { planGraph } from "./planner.ts";

/** Bytes of device memory. */
export interface PlannedMemory {
  /** Parameters, inputs, outputs and tables. They are kept between runs. */
  readonly kept: number;
  /** Results of nodes. They share memory if their lives allow it. */
  readonly activations: number;
  /** The sum of both. */
  readonly total: number;
}

/** A device without limits that reads operands from buffers, as hardware does. */
export const ANY_DEVICE: Capabilities = {
  profile: "hardware",
  maxBindingBytes: Infinity,
  maxBufferBytes: Infinity,
  maxWorkgroups: 65535,
  maxTextureTexels: 0,
  operands: "buffer",
  winograd: true,
  precision: "float32",
  storageBuffers: 8,
  workgroup: { bytes: 16384, invocations: 256 },
};

/** Returns the memory that DeviceMemory allocates for a graph. Throws what planGraph throws. */
export function plannedMemory(graph: Graph, capabilities: Capabilities = ANY_DEVICE): PlannedMemory {
  const plan = planGraph(graph, capabilities);
  const lives = livesOf(plan);
  const rowBytes = TEXTURE_WIDTH * TEXEL_BYTES;
  let activations = 0;
  for (const form of ["buffer", "texture"] as const) {
    const transient = [...lives].filter(([r]) => r.form === form && r.life === "transient").map(([, life]) => life);
    activations += rowBytes * planMemory(transient).slots.reduce((sum, rows) => sum + rows, 0);
  }
  const kept = plan.resources.filter((r) => r.life === "kept")
    .reduce((sum, r) => sum + TEXTURE_WIDTH * texelBytes(r) * textureRows(r.texels), 0);
  return { kept, activations, total: kept + activations };
}
