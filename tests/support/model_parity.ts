/** Whole networks against PyTorch's logits: tests/reference/write_model_fixtures.py. */

import type { Backend } from "../../src/graph/backend.ts";
import { createModel } from "../../src/models/model.ts";
import { inErrorScopes } from "./devices.ts";
import { relativeError } from "./error.ts";
import { readJson, readTensors } from "./fixtures.ts";
import { randomStateDict, uniform } from "./random_weights.ts";

/** How far logits may be from PyTorch's in float32, relative to the largest one: on every device. */
export const LOGITS_TOLERANCE = 1e-4;

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
  /** How far float32 PyTorch is from float64, relative to the largest logit. */
  readonly torchError: number;
  /** [batch, numClasses]. */
  readonly logits: Float32Array;
}

/** The cases, and the version of PyTorch that answered them. */
export async function readModelCases(): Promise<{ torch: string; models: readonly ModelCase[] }> {
  const { torch, models } = await readJson<{ torch: string; models: Omit<ModelCase, "logits">[] }>("models.json");
  const logits = await readTensors("models.safetensors");
  return { torch, models: models.map((model) => ({ ...model, logits: logits.get(model.name)! })) };
}

/** The error of a network on a device, relative to the largest logit. */
export async function logitsError(backend: Backend, c: ModelCase): Promise<number> {
  const model = createModel(c);
  model.loadStateDict(randomStateDict(model.stateDictSpec()));
  const logits = await inErrorScopes(backend, async () => {
    const compiled = await model.compile(backend, { batch: c.batch, imageSize: c.size });
    try {
      return await compiled.run(uniform("image", compiled.inputShape, 2));
    } finally {
      compiled.dispose();
    }
  });
  return relativeError(logits, c.logits);
}
