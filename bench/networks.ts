/** The networks to time, their inputs, and the check that two results agree. */

import { DataError } from "../src/errors.ts";
import type { Tensors } from "../src/graph/backend.ts";
import { type Graph, size } from "../src/graph/graph.ts";
import { createModel, type Model } from "../src/models/model/model.ts";
import { findArchitecture } from "../src/models/architectures/registry.ts";
import { mix } from "../src/random.ts";
import type { StateDict } from "../src/checkpoint/tensors/state_dict.ts";
import type { Selection } from "./rows.ts";

/** The networks of the report. */
const MODELS = ["resnet18", "od_resnet18", "resnet50", "od_resnet50", "mobilenetv2_100", "od_mobilenetv2_100"];

/** Largest difference of two results, relative to the largest number of ours. */
const TOLERANCE = 1e-3;

/**
 * Returns the networks that were requested. By default, dynamic networks have 1 and 4 kernels. `more` adds to the
 * default.
 */
export function networksOf(
  { only, kernelNum }: Selection,
  more: readonly string[] = [],
): { arch: string; kernelNum: number }[] {
  return (only ? [only] : [...MODELS, ...more]).flatMap((arch) => {
    const counts = !("kernelNum" in findArchitecture(arch).layer.options) ? [1] : kernelNum ? [kernelNum] : [1, 4];
    return counts.map((n) => ({ arch, kernelNum: n }));
  });
}

/** A model whose initial weights are drawn only once, however often it is compiled. */
export async function seededModel(arch: string, kernelNum: number): Promise<Model> {
  const model = createModel({ arch, kernelNum: arch.startsWith("od_") ? kernelNum : undefined });
  const tensors: StateDict = new Map();
  for (const [name, tensor] of model.stateDict()) {
    const bytes = await tensor.read();
    tensors.set(name, { ...tensor, read: () => Promise.resolve(bytes) });
  }
  model.loadStateDict(tensors);
  return model;
}

/** Returns the static network of the same shape. */
export function staticTwin(arch: string): string {
  return arch.replace(/^od_/, "");
}

/** Returns numbers from -1 to 1, the same at every call. */
export function noise(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => mix(i) / 2 ** 31 - 1);
}

/** Returns {@link noise} for every input that has no initial value. */
export function inputsOf(graph: Graph): Tensors {
  const inputs: Tensors = {};
  for (const [name, { source, shape }] of graph.inputs) {
    if (source.kind === "input" && source.initial) continue;
    inputs[name] = noise(size(shape));
  }
  return inputs;
}

/** Counts the multiply-adds of one run. */
export function countMadds(graph: Graph): number {
  return graph.nodes.reduce((n, { op, operands, attributes, output }) => {
    return n + (op.madds?.(operands, attributes, output.shape) ?? 0);
  }, 0);
}

/** Throws DataError if a peer computes something else. Its time would mean nothing. */
export function expectAgreement(peer: string, what: string, ours: Tensors, theirs: Tensors): void {
  for (const [name, values] of Object.entries(ours)) {
    const others = theirs[name];
    if (others?.length !== values.length) throw new DataError(`${peer} answers no ${name} for ${what}`);
    let largest = 0;
    let difference = 0;
    values.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value));
      difference = Math.max(difference, Math.abs(value - others[i]) || (value === others[i] ? 0 : NaN));
    });
    if (!(difference <= TOLERANCE * largest)) {
      const relative = (difference / largest).toExponential(1);
      throw new DataError(`${peer} disagrees on ${what}: ${name} differ by ${relative}, expected at most ${TOLERANCE}`);
    }
  }
}
