/**
 * Finds the origin of a number that is not finite.
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
 * Describes the first tensor with a number that is not finite: a synchronised parameter, else an input, else a layer's
 * output in the forward pass of a step, in the order of computation. Returns undefined if there is none. `inputs` are
 * those of one run, including "dropout_seed", "dropout_step" and "temperature".
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
  // Output one sum per layer instead of all elements. A sum is finite if its terms are, except for extremely large
  // terms.
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

/** Describes the first synchronised parameter or running statistic with a number that is not finite. */
export async function firstNonFiniteParameter(model: Model): Promise<string | undefined> {
  for (const [name, tensor] of model.stateDict()) {
    if (tensor.dtype === "F32" && !(await toFloat32(tensor)).every(Number.isFinite)) return `the parameter ${name}`;
  }
}
