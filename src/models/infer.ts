/**
 * Reads a model's configuration off the names and shapes of its tensors.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import type { StateDict } from "../checkpoint/state_dict.ts";
import { looksLike } from "./looks_like.ts";
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
  const dynamic = [...tensors.keys()].some((name) => name.endsWith(SQUEEZE));
  let best = { config: undefined as Required<ModelConfig> | undefined, fit: 0 };
  for (const [arch, architecture] of REGISTRY) {
    if (architecture.dynamic !== dynamic) continue;
    const model = createModel({ arch, ...guess, numClasses: inferClasses(tensors, arch) });
    const spec = model.stateDictSpec().filter(({ dtype }) => dtype === "F32");
    const matching = spec.filter(({ name, shape }) => tensors.get(name)?.shape.join() === shape.join()).length;
    // As a share of both, so that neither a part nor a superset of the tensors counts as a fit.
    const fit = matching / Math.max(spec.length, countFloats(tensors));
    if (fit > best.fit) best = { config: model.config, fit };
  }
  if (!best.config || best.fit < 0.5) {
    const first = [...tensors].slice(0, 3).map(([name, { shape }]) => `${name} [${shape.join(", ")}]`).join(", ");
    const family = looksLike(tensors) ?? "";
    throw new CheckpointError(
      `these ${tensors.size} tensors (${first}, ...) are of no known architecture${
        family && `: they look like ${family}`
      }; ` +
        `convert takes --arch, one of ` +
        `${[...REGISTRY.keys()].join(", ")}`,
    );
  }
  return best.config;
}

function countFloats(tensors: TensorShapes): number {
  return [...tensors.keys()].filter((name) => !name.endsWith("num_batches_tracked")).length;
}

/** n is the first extent of a dynamic convolution's weight, the only kind with five. */
function inferKernelNum(tensors: TensorShapes): number {
  for (const { shape } of tensors.values()) if (shape.length === 5 && shape[0] > 0) return shape[0];
  return 1;
}

/** As many as the architecture's classifier, its last matrix, has rows in the checkpoint. */
function inferClasses(tensors: TensorShapes, arch: string): number | undefined {
  const classifier = createModel({ arch }).stateDictSpec().findLast(({ shape }) => shape.length === 2);
  const found = classifier && tensors.get(classifier.name)?.shape;
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
