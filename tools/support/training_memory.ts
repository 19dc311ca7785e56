/**
 * What a training step needs on a device, and what would fit.
 *
 * @module
 */

import { DeviceError } from "../../src/errors.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { peakMemory } from "../../src/graph/peak_memory.ts";
import type { Model } from "../../src/models/model.ts";
import { trainerOptions } from "../../src/training/loop.ts";
import type { Recipe } from "../../src/training/options.ts";
import { trainerGraph } from "../../src/training/trainer.ts";
import type { Capabilities } from "../../src/webgpu/planner.ts";
import { bytes } from "./style.ts";

/** What WebAssembly can address. */
const CPU_LIMIT = 4 * 2 ** 30;

/** Bytes that stay on a device between steps and bytes that a step's results share. */
interface Needs {
  readonly kept: number;
  readonly activations: number;
  readonly total: number;
}

/** The memory of a step on WebGPU, as it would be allocated. Throws DeviceError where an adapter cannot bind it. */
async function webgpuNeeds(model: Model, recipe: Recipe, capabilities?: Capabilities): Promise<Needs> {
  const { plannedMemory } = await import("../../src/webgpu/planned_memory.ts");
  return plannedMemory(trainerGraph(model, trainerOptions(recipe)), capabilities);
}

/** The memory of a step on the CPU: its values. */
function cpuNeeds(model: Model, recipe: Recipe): Needs {
  const { parameters, activations, total } = peakMemory(trainerGraph(model, trainerOptions(recipe)));
  return { kept: parameters, activations, total };
}

/** Lines about the memory of a step, without a device: of every one, or of the one that is named. */
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

/** A line about the memory of a step on a device. Throws DeviceError where it cannot fit, saying what needs how much. */
export async function checkMemory(model: Model, recipe: Recipe, backend: Backend): Promise<string> {
  const needs = await needsOn(model, recipe, backend);
  if (backend.name === "cpu" && needs.total > CPU_LIMIT) throw await doesNotFit(model, recipe, backend, needs);
  return line(backend.name, needs);
}

/** The error of a step that does not fit, with the largest part of a batch that does. */
export async function doesNotFit(
  model: Model,
  recipe: Recipe,
  backend: Backend,
  needs?: Needs,
  cause?: Error,
): Promise<DeviceError> {
  const { total } = needs ?? await needsOn(model, recipe, backend);
  const what = `a step of ${recipe.microBatch} images of ${recipe.size}x${recipe.size} needs ${bytes(total)}`;
  const fitting = await largestPart(model, recipe, backend);
  const advice = fitting
    ? `--micro-batch ${fitting} fits and trains the same batch in parts`
    : "nothing smaller fits either: use smaller images or another device";
  return new DeviceError(`${what} on ${backend.description}, more than it has; ${advice}`, { cause });
}

async function needsOn(model: Model, recipe: Recipe, backend: Backend): Promise<Needs> {
  if (backend.name === "cpu") return cpuNeeds(model, recipe);
  return await webgpuNeeds(model, recipe, (backend as Backend & { capabilities?: Capabilities }).capabilities);
}

/** The largest divisor of the batch, below the part that was asked for, that the device takes. */
async function largestPart(model: Model, recipe: Recipe, backend: Backend): Promise<number | undefined> {
  for (let part = Math.floor(recipe.microBatch / 2); part >= 2; part--) {
    if (recipe.batch % part) continue;
    const smaller = { ...recipe, microBatch: part };
    if (
      backend.name === "cpu" ? cpuNeeds(model, smaller).total <= CPU_LIMIT : await compiles(model, smaller, backend)
    ) {
      return part;
    }
  }
}

async function compiles(model: Model, recipe: Recipe, backend: Backend): Promise<boolean> {
  try {
    (await backend.compile(trainerGraph(model, trainerOptions(recipe)))).dispose();
    return true;
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
}
