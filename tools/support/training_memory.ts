/**
 * Computes the memory of a training step on a device, and the largest part of a batch that fits.
 *
 * @module
 */

import { checkFits } from "../../src/cpu/memory_limit.ts";
import { DeviceError } from "../../src/errors.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { peakMemory } from "../../src/graph/peak_memory.ts";
import type { Model } from "../../src/models/model/model.ts";
import { trainerOptions } from "../../src/training/loop.ts";
import type { Recipe } from "../../src/training/options.ts";
import { trainerGraph } from "../../src/training/trainer.ts";
import type { Capabilities } from "../../src/webgpu/plan/plan.ts";
import { bytes } from "./style.ts";

/** Bytes that stay on a device between steps, and bytes that the results within a step share. */
interface Needs {
  readonly kept: number;
  readonly activations: number;
  readonly total: number;
}

/**
 * Returns the memory of a step on WebGPU, as it would be allocated. Throws DeviceError if an adapter cannot bind it.
 */
async function webgpuNeeds(model: Model, recipe: Recipe, capabilities?: Capabilities): Promise<Needs> {
  const { plannedMemory } = await import("../../src/webgpu/planner/planned_memory.ts");
  return plannedMemory(trainerGraph(model, trainerOptions(recipe)), capabilities);
}

/** Returns the memory of a step on the CPU: its values. */
function cpuNeeds(model: Model, recipe: Recipe): Needs {
  const { parameters, activations, total } = peakMemory(trainerGraph(model, trainerOptions(recipe)));
  return { kept: parameters, activations, total };
}

/** Describes the memory of a step without opening a device: one line per device, or for the named one. */
export async function describeMemory(model: Model, recipe: Recipe, device?: string): Promise<string> {
  const lines: string[] = [];
  if (device !== "cpu") lines.push(line("webgpu", await webgpuNeeds(model, recipe)));
  if (device !== "webgpu") lines.push(line("cpu", cpuNeeds(model, recipe)));
  return lines.join("\n");
}

function line(device: string, { kept, activations, total }: Needs): string {
  return `memory   ${device}: ${bytes(total)} a step: ${bytes(kept)} for weights, optimizer and images, ` +
    `${bytes(activations)} for activations`;
}

/**
 * Describes the memory of a step on a device. Throws DeviceError if it does not fit; the message says what would fit.
 */
export async function checkMemory(model: Model, recipe: Recipe, backend: Backend): Promise<string> {
  try {
    return line(backend.name, await needsOn(model, recipe, backend));
  } catch (error) {
    if (error instanceof DeviceError) throw await doesNotFit(model, recipe, backend, error);
    throw error;
  }
}

/**
 * Returns the error of a step that does not fit. The message says how much it needs, and the largest part of its batch
 * that fits.
 */
export async function doesNotFit(
  model: Model,
  recipe: Recipe,
  backend: Backend,
  cause: DeviceError,
): Promise<DeviceError> {
  const { total } = backend.name === "cpu" ? cpuNeeds(model, recipe) : await webgpuNeeds(model, recipe);
  const fitting = await largestPart(model, recipe, backend);
  const advice = fitting
    ? `--micro-batch ${fitting} fits and trains the same batch in parts`
    : "no part of it fits: use smaller images or another device";
  return new DeviceError(
    `a step of ${recipe.microBatch} images of ${recipe.size}x${recipe.size} needs ${bytes(total)} on ` +
      `${backend.description}, which does not fit (${cause.message}); ${advice}`,
    { cause },
  );
}

/** Returns the memory of a step on a device. Throws DeviceError if it is more than the device has. */
async function needsOn(model: Model, recipe: Recipe, backend: Backend): Promise<Needs> {
  if (backend.name === "webgpu") {
    return await webgpuNeeds(model, recipe, (backend as Backend & { capabilities: Capabilities }).capabilities);
  }
  checkFits(trainerGraph(model, trainerOptions(recipe)));
  return cpuNeeds(model, recipe);
}

/** Returns the largest divisor of the batch that is smaller than the requested part and fits on the device. */
async function largestPart(model: Model, recipe: Recipe, backend: Backend): Promise<number | undefined> {
  const smaller = Array.from({ length: recipe.microBatch }, (_, i) => recipe.microBatch - 1 - i);
  const parts = smaller.filter((part) => part >= 2 && recipe.batch % part === 0);
  // First a binary search over plans, which need no memory. Fewer images need less.
  let [first, end] = [0, parts.length];
  while (first < end) {
    const middle = (first + end) >> 1;
    if (await fits(() => needsOn(model, { ...recipe, microBatch: parts[middle] }, backend))) end = middle;
    else first = middle + 1;
  }
  if (backend.name !== "webgpu") return parts[first];
  // A GPU does not report its free memory, so each size is tried.
  for (const microBatch of parts.slice(first)) {
    const graph = () => trainerGraph(model, trainerOptions({ ...recipe, microBatch }));
    if (await fits(async () => (await backend.compile(graph())).dispose())) return microBatch;
  }
}

async function fits(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
}
