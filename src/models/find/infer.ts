/**
 * Infers a model's configuration from the names and shapes of its tensors.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { isCounter, type TensorSpec } from "../../checkpoint/remapping/remap.ts";
import type { StateDict } from "../../checkpoint/tensors/state_dict.ts";
import { looksLike } from "./looks_like.ts";
import { createModel } from "../model/model.ts";
import { type ModelConfig, REGISTRY } from "../architectures/registry.ts";
import type { TensorShapes } from "./tensor_shapes.ts";

const SQUEEZE = ".attention.fc.weight";

/**
 * Returns the configuration that fits best. If some tensors differ, this is the nearest architecture, so that the
 * caller can report the differences.
 *
 * @throws {CheckpointError} if fewer than half of the tensors fit any architecture.
 */
export function inferConfig(tensors: StateDict | TensorShapes): Required<ModelConfig> {
  const best = bestFit(tensors);
  if (best && best.share >= ENOUGH) return best.config;
  const first = [...tensors].slice(0, 3).map(([name, { shape }]) => `${name} [${shape.join(", ")}]`).join(", ");
  const family = looksLike(tensors) ?? "";
  throw new CheckpointError(
    `these ${tensors.size} tensors (${first}${tensors.size > 3 ? ", ..." : ""}) are of no known architecture${
      family && `: they look like ${family}`
    }; convert takes --arch, one of ${[...REGISTRY.keys()].join(", ")}`,
  );
}

/** Smallest share of fitting tensors for an architecture to be accepted. */
export const ENOUGH = 0.5;

/** How well tensors fit a configuration. */
export interface Fit {
  /** The configuration. The number of classes comes from the tensors. */
  readonly config: Required<ModelConfig>;
  /** The required tensors, in PyTorch's order. */
  readonly spec: readonly TensorSpec[];
  /**
   * Number of matching tensors as a share of both sides. So neither a subset nor a superset of the tensors fits
   * completely.
   */
  readonly share: number;
}

/** Returns the fit of the best architecture. Returns undefined if no tensor fits any architecture. */
export function bestFit(tensors: TensorShapes): Fit | undefined {
  const kind = [...tensors.keys()].some((name) => name.endsWith(SQUEEZE)) ? "odconv" : "conv";
  let best: Fit | undefined;
  for (const [arch, architecture] of REGISTRY) {
    if (architecture.layer.kind !== kind) continue;
    const fit = fitOf(tensors, inferFor(tensors, arch));
    if (fit.share > (best?.share ?? 0)) best = fit;
  }
  return best;
}

/** Returns the best-fitting configuration of an architecture. */
export function inferFor(tensors: TensorShapes, arch: string): ModelConfig {
  return {
    arch,
    kernelNum: inferKernelNum(tensors),
    reduction: inferReduction(tensors),
    numClasses: inferClasses(tensors, arch),
  };
}

/** Returns how well tensors fit a configuration. A tensor outside the configuration's modules does not count. */
export function fitOf(tensors: TensorShapes, config: ModelConfig): Fit {
  const model = createModel(config);
  const spec = model.stateDictSpec();
  const modules = modulesOf(spec);
  const needed = spec.filter(({ name }) => !isCounter(name));
  const matching = needed.filter(({ name, shape }) => tensors.get(name)?.shape.join() === shape.join()).length;
  const inside = [...tensors.keys()].filter((name) => modules.has(moduleOf(name)) && !isCounter(name)).length;
  return { config: model.config, spec, share: matching / Math.max(needed.length, inside) };
}

/** Returns the outermost modules of a network, such as "conv1", "layer1", "fc". */
export function modulesOf(spec: readonly TensorSpec[]): ReadonlySet<string> {
  return new Set(spec.map(({ name }) => moduleOf(name)));
}

/** Returns the outermost module of a name. */
export function moduleOf(name: string): string {
  return name.split(".", 1)[0];
}

/** Returns the classifier of a network: its last matrix, such as "fc.weight" [classes, features]. */
export function classifierOf(spec: readonly TensorSpec[]): TensorSpec {
  return spec.findLast(({ shape }) => shape.length === 2)!;
}

/** n is the first extent of a dynamic convolution's weight. No other tensor has five axes. */
function inferKernelNum(tensors: TensorShapes): number {
  for (const { shape } of tensors.values()) if (shape.length === 5 && shape[0] > 0) return shape[0];
  return 1;
}

/** Returns the number of rows of the architecture's classifier, its last matrix, in the checkpoint. */
function inferClasses(tensors: TensorShapes, arch: string): number | undefined {
  const found = tensors.get(classifierOf(createModel({ arch }).stateDictSpec()).name)?.shape;
  return found?.length === 2 && found[0] > 0 ? found[0] : undefined;
}

/** Common reductions. 1/16, the paper's, comes first, so it is chosen if several fit. */
const USUAL_REDUCTIONS: readonly number[] = [1 / 16, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 32, 1 / 64, 1 / 128, 1 / 256];

/**
 * Returns a reduction r for which every attention branch has max(int(Cin r), 16) channels. Each branch gives a lower
 * bound and an exclusive upper bound of r. Within the bounds a common reduction is preferred, then the simplest
 * fraction 1/m, then the lower bound.
 */
function inferReduction(tensors: TensorShapes): number {
  let low = 0, high = Infinity;
  for (const [name, { shape: [hidden, cin] }] of tensors) {
    if (!name.endsWith(SQUEEZE) || !(hidden > 0 && cin > 0)) continue;
    if (hidden > 16) low = Math.max(low, hidden / cin);
    high = Math.min(high, (hidden + 1) / cin);
  }
  const fits = (r: number) => r >= low && r < high;
  return [...USUAL_REDUCTIONS, 1 / (Math.floor(1 / high) + 1)].find(fits) ?? low;
}
