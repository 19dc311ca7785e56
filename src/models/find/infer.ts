/**
 * Reads a model's configuration off the names and shapes of its tensors.
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
 * The configuration that fits best. Where some tensors differ the caller still gets the nearest architecture, to say
 * what differs; throws CheckpointError where fewer than half of the tensors fit anything.
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

/** The share of tensors that has to fit for an architecture to be the one that is meant. */
export const ENOUGH = 0.5;

/** How well tensors fit a configuration. */
export interface Fit {
  /** The configuration, with the classes that the tensors say. */
  readonly config: Required<ModelConfig>;
  /** What it needs, in PyTorch's order. */
  readonly spec: readonly TensorSpec[];
  /** Matching tensors as a share of both sides, so that neither a part nor a superset of the tensors fits wholly. */
  readonly share: number;
}

/** The architecture that fits best; undefined where nothing fits at all. */
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

/** The configuration of an architecture that fits best. */
export function inferFor(tensors: TensorShapes, arch: string): ModelConfig {
  return {
    arch,
    kernelNum: inferKernelNum(tensors),
    reduction: inferReduction(tensors),
    numClasses: inferClasses(tensors, arch),
  };
}

/** How well tensors fit one configuration. What has none of its modules' names does not count: it lies beside. */
export function fitOf(tensors: TensorShapes, config: ModelConfig): Fit {
  const model = createModel(config);
  const spec = model.stateDictSpec();
  const modules = modulesOf(spec);
  const needed = spec.filter(({ name }) => !isCounter(name));
  const matching = needed.filter(({ name, shape }) => tensors.get(name)?.shape.join() === shape.join()).length;
  const inside = [...tensors.keys()].filter((name) => modules.has(moduleOf(name)) && !isCounter(name)).length;
  return { config: model.config, spec, share: matching / Math.max(needed.length, inside) };
}

/** The outermost modules of a network: "conv1", "layer1", "fc". */
export function modulesOf(spec: readonly TensorSpec[]): ReadonlySet<string> {
  return new Set(spec.map(({ name }) => moduleOf(name)));
}

/** The outermost module of a name. */
export function moduleOf(name: string): string {
  return name.split(".", 1)[0];
}

/** The classifier of a network: its last matrix, "fc.weight" [classes, features]. */
export function classifierOf(spec: readonly TensorSpec[]): TensorSpec {
  return spec.findLast(({ shape }) => shape.length === 2)!;
}

/** n is the first extent of a dynamic convolution's weight, the only kind with five. */
function inferKernelNum(tensors: TensorShapes): number {
  for (const { shape } of tensors.values()) if (shape.length === 5 && shape[0] > 0) return shape[0];
  return 1;
}

/** As many as the architecture's classifier, its last matrix, has rows in the checkpoint. */
function inferClasses(tensors: TensorShapes, arch: string): number | undefined {
  const found = tensors.get(classifierOf(createModel({ arch }).stateDictSpec()).name)?.shape;
  return found?.length === 2 && found[0] > 0 ? found[0] : undefined;
}

/** Reductions that people choose; 1/16, which the paper uses, goes first where nothing tells them apart. */
const USUAL_REDUCTIONS: readonly number[] = [1 / 16, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 32, 1 / 64, 1 / 128, 1 / 256];

/**
 * A reduction r for which every attention branch has max(int(Cin r), 16) channels. Each branch bounds r from both sides,
 * the upper bound excluded; of what is left, a usual one if there is one, else the simplest fraction 1/m, else the lower
 * bound.
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
