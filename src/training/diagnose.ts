/**
 * Where a number that is none came from.
 *
 * @module
 */

import { toFloat32 } from "../checkpoint/tensors/float32.ts";
import type { Backend, Tensors } from "../graph/backend.ts";
import { sum } from "../graph/ops/reductions.ts";
import type { Model } from "../models/model/model.ts";
import { trainingForward } from "./step.ts";
import type { TrainerOptions } from "./trainer.ts";

/**
 * The first tensor with a number that is not finite: a parameter of the model as synchronised, else a given input, else
 * what a layer computes of them in a step's forward pass, in the order of computation. Undefined where there is none.
 * Inputs are those of one run, of "dropout_seed", "dropout_step" and "temperature" too.
 */
export async function firstNonFinite(
  model: Model,
  backend: Backend,
  options: TrainerOptions,
  inputs: Tensors,
): Promise<string | undefined> {
  const parameter = await firstNonFiniteParameter(model);
  if (parameter) return parameter;
  for (const [name, data] of Object.entries(inputs)) if (!data.every(Number.isFinite)) return `the input "${name}"`;

  const { batch, inputShape = [3, model.imageSize, model.imageSize] } = options;
  const { graph } = trainingForward(model.network, [batch, ...inputShape], options);
  graph.outputs.clear();
  graph.updates.clear();
  const forward = [...graph.nodes];
  // One number a layer instead of all of them: a sum is finite where its terms are, but for the very largest.
  forward.forEach(({ name, output }, i) => {
    graph.output(String(i), graph.apply(sum, name, { x: output }, { scale: 1 }));
  });
  const executable = await backend.compile(graph);
  try {
    const known = Object.entries(inputs).filter(([name]) => graph.inputs.has(name));
    const sums = await executable.run(Object.fromEntries(known));
    const first = forward.findIndex((_, i) => !Number.isFinite(sums[i][0]));
    return first < 0 ? undefined : `the output of ${forward[first].name} (${forward[first].op.name})`;
  } finally {
    executable.dispose();
  }
}

/** The first parameter or running statistic with a number that is not finite, as synchronised. */
export async function firstNonFiniteParameter(model: Model): Promise<string | undefined> {
  for (const [name, tensor] of model.stateDict()) {
    if (tensor.dtype === "F32" && !(await toFloat32(tensor)).every(Number.isFinite)) return `the parameter ${name}`;
  }
}
