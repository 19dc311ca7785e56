/**
 * Reads a model's configuration off the names and shapes of its tensors.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import type { StateDict } from "../checkpoint/state_dict.ts";
import { createModel } from "./model.ts";
import { type ModelConfig, REGISTRY } from "./registry.ts";

/** Shapes by tensor name: a state dict, or what is known of one. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

const SQUEEZE = ".attention.fc.weight";

/**
 * The configuration that fits best. Where some tensors differ the caller still gets the nearest architecture, to say
 * what differs; throws CheckpointError where fewer than half of the tensors fit anything.
 */
export function inferConfig(tensors: StateDict | TensorShapes): Required<ModelConfig> {
  const guess = { kernelNum: inferKernelNum(tensors), reduction: inferReduction(tensors) };
  const numClasses = inferClasses(tensors);
  const dynamic = [...tensors.keys()].some((name) => name.endsWith(SQUEEZE));
  let best = { config: undefined as Required<ModelConfig> | undefined, fit: 0 };
  for (const [arch, architecture] of REGISTRY) {
    if (architecture.dynamic !== dynamic) continue;
    const model = createModel({ arch, ...guess, numClasses });
    const spec = model.stateDictSpec().filter(({ dtype }) => dtype === "F32");
    const matching = spec.filter(({ name, shape }) => tensors.get(name)?.shape.join() === shape.join()).length;
    // As a share of both, so that neither a part nor a superset of the tensors counts as a fit.
    const fit = matching / Math.max(spec.length, countFloats(tensors));
    if (fit > best.fit) best = { config: model.config, fit };
  }
  if (!best.config || best.fit < 0.5) {
    const first = [...tensors].slice(0, 3).map(([name, { shape }]) => `${name} [${shape.join(", ")}]`).join(", ");
    throw new CheckpointError(
      `these ${tensors.size} tensors (${first}, ...) are of no known architecture; say which one it is with --arch, ` +
        `one of ${[...REGISTRY.keys()].join(", ")}`,
    );
  }
  return best.config;
}

function countFloats(tensors: TensorShapes): number {
  return [...tensors.keys()].filter((name) => !name.endsWith("num_batches_tracked")).length;
}

/** n is the first extent of a dynamic convolution's weight, the only kind with five. */
function inferKernelNum(tensors: TensorShapes): number {
  for (const { shape } of tensors.values()) if (shape.length === 5) return shape[0];
  return 1;
}

/** The classifier is the last matrix. */
function inferClasses(tensors: TensorShapes): number | undefined {
  const matrices = [...tensors.values()].filter(({ shape }) => shape.length === 2);
  return matrices.at(-1)?.shape[0];
}

/**
 * The reduction r for which every attention branch has max(int(Cin r), 16) channels. Each branch bounds r from both
 * sides; of what is left, the simplest fraction 1/m if there is one, else the lower bound. 1/16 where nothing bounds it
 * from below.
 */
function inferReduction(tensors: TensorShapes): number {
  let low = 0, high = Infinity;
  for (const [name, { shape: [hidden, cin] }] of tensors) {
    if (!name.endsWith(SQUEEZE)) continue;
    if (hidden > 16) low = Math.max(low, hidden / cin);
    high = Math.min(high, (hidden + 1) / cin);
  }
  if (low === 0) return Math.min(0.0625, high);
  for (let m = 1; m <= 64; m *= 2) if (1 / m >= low && 1 / m < high) return 1 / m;
  const m = Math.ceil(1 / high);
  return 1 / m >= low && 1 / m < high ? 1 / m : low;
}
