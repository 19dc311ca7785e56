import { CheckpointError } from "../errors.ts";
import { Linear } from "../nn/linear.ts";
import { Model } from "./model/model.ts";
import { overrideInference, usualInference } from "./config/inference_config.ts";
import type { ModelConfig } from "./architectures/registry.ts";

/**
 * Returns a model of the same architecture for another number of classes. All layers but the classifier keep the
 * weights of `source`. The classifier gets initial weights if the number differs. Images are prepared as for `source`.
 * The result replaces `source`: closing it closes the file of `source`.
 *
 * @throws {CheckpointError} if `config` names another architecture than that of the weights.
 */
export function finetuned(source: Model, config: Partial<ModelConfig>): Model {
  for (const key of ["arch", "kernelNum", "reduction"] as const) {
    if (config[key] === undefined || config[key] === source.config[key]) continue;
    throw new CheckpointError(`the weights are of ${key} ${source.config[key]}, the run asks for ${config[key]}`);
  }
  const { inference } = source;
  const complete = { ...source.config, numClasses: config.numClasses ?? source.config.numClasses };
  const classNames = complete.numClasses === source.config.numClasses ? inference.classNames : undefined;
  const used = overrideInference(usualInference(complete), { ...inference, classNames, temperature: undefined });
  const model = new Model(complete, undefined, () => source.close(), used);
  const known = new Map(source.network.namedTensors());
  const classifiers = [...model.network.namedModules()].filter(([, module]) => module instanceof Linear);
  for (const [name, parameter] of model.network.namedTensors()) {
    const { tensor } = known.get(name)!;
    const isClassifier = classifiers.some(([path]) => name.startsWith(`${path}.`));
    if (tensor && (!isClassifier || tensor.shape.join() === parameter.shape.join())) parameter.tensor = tensor;
  }
  return model;
}
