/** Compares whole networks with PyTorch's logits in float64, which tests/reference/write_model_fixtures.py wrote. */

import type { Backend } from "../../src/graph/backend.ts";
import { createModel } from "../../src/models/model/model.ts";
import { inErrorScopes } from "./devices.ts";
import { relativeError } from "./error.ts";
import { readJson, readTensors } from "./fixtures.ts";
import { patches, randomSensitiveStateDict, randomStateDict, uniform } from "./random_weights.ts";

/** Tolerance of logits against float64: a multiple of the error of PyTorch's float32, or a few roundings. */
const TIMES_PYTORCH = 4;
const FEW_ROUNDINGS = 1e-6;

/** Returns the tolerance of a network on every device, relative to the largest logit. */
export function allowedError({ torchError }: ModelCase): number {
  return Math.max(TIMES_PYTORCH * torchError, FEW_ROUNDINGS);
}

/** A network with PyTorch's logits. */
export interface ModelCase {
  /** "od_resnet18_4x@224": architecture, kernels, image size. */
  readonly name: string;
  readonly arch: string;
  readonly kernelNum: number;
  readonly reduction: number;
  readonly numClasses: number;
  readonly size: number;
  readonly batch: number;
  /** Whether the case is small enough for every test run. */
  readonly quick: boolean;
  /** Whether the attentions are sensitive to one digit of a mean. The image is then made of patches. */
  readonly sensitive: boolean;
  /** Stored means of norms, by name; only if the case is sensitive. */
  readonly means: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Error of PyTorch's float32 against float64, relative to the largest logit. */
  readonly torchError: number;
  /** [batch, numClasses], from PyTorch in float64. */
  readonly logits: Float32Array;
}

/** Reads the cases and the version of PyTorch that computed them. */
export async function readModelCases(): Promise<{ torch: string; models: readonly ModelCase[] }> {
  const { torch, models } = await readJson<{ torch: string; models: Omit<ModelCase, "logits" | "means">[] }>(
    "models.json",
  );
  const tensors = await readTensors("models.safetensors");
  const meansOf = (name: string) =>
    new Map(
      [...tensors].flatMap(([key, mean]) => key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), mean]] : []),
    );
  return {
    torch,
    models: models.map((model) => ({ ...model, logits: tensors.get(model.name)!, means: meansOf(model.name) })),
  };
}

/** Returns the error of a network on a device, relative to the largest logit. */
export async function logitsError(backend: Backend, c: ModelCase): Promise<number> {
  const model = createModel(c);
  const spec = model.stateDictSpec();
  model.loadStateDict(c.sensitive ? randomSensitiveStateDict(spec, c.means) : randomStateDict(spec));
  const logits = await inErrorScopes(backend, async () => {
    const compiled = await model.compile(backend, { batch: c.batch, imageSize: c.size });
    try {
      const shape = compiled.inputShape;
      return await compiled.run(c.sensitive ? patches("patches", shape) : uniform("image", shape, 2));
    } finally {
      compiled.dispose();
    }
  });
  return relativeError(logits, c.logits);
}
