/** Whole networks against PyTorch's logits in float64: tests/reference/write_model_fixtures.py. */

import type { Backend } from "../../src/graph/backend.ts";
import { createModel } from "../../src/models/model/model.ts";
import { inErrorScopes } from "./devices.ts";
import { relativeError } from "./error.ts";
import { readJson, readTensors } from "./fixtures.ts";
import { patches, randomSensitiveStateDict, randomStateDict, uniform } from "./random_weights.ts";

/** How far logits may be from float64: so many times as far as PyTorch's float32 is, or a few roundings. */
const TIMES_PYTORCH = 4;
const FEW_ROUNDINGS = 1e-6;

/** What is allowed of a network, relative to the largest logit: on every device. */
export function allowedError({ torchError }: ModelCase): number {
  return Math.max(TIMES_PYTORCH * torchError, FEW_ROUNDINGS);
}

/** A network with PyTorch's answer. */
export interface ModelCase {
  /** "od_resnet18_4x@224": architecture, kernels, image size. */
  readonly name: string;
  readonly arch: string;
  readonly kernelNum: number;
  readonly reduction: number;
  readonly numClasses: number;
  readonly size: number;
  readonly batch: number;
  /** Small enough for every test run. */
  readonly quick: boolean;
  /** Whether its attentions notice a digit lost in a mean, and its image is made of patches. */
  readonly sensitive: boolean;
  /** Means of norms that are stored, by name; only where it is sensitive. */
  readonly means: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** How far float32 PyTorch is from float64, relative to the largest logit. */
  readonly torchError: number;
  /** [batch, numClasses], of PyTorch's float64. */
  readonly logits: Float32Array;
}

/** The cases, and the version of PyTorch that answered them. */
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

/** The error of a network on a device, relative to the largest logit. */
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
