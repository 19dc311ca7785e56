import { CheckpointError } from "../errors.ts";
import { namedModules, namedParameters } from "../nn/module.ts";
import { Linear } from "../nn/linear.ts";
import { createModel, type Model } from "../models/model/model.ts";
import type { ModelConfig } from "../models/architectures/registry.ts";

/**
 * A model of the same architecture with another number of classes, and the weights of `source` in all of its layers but
 * the classifier, which begins anew where the number differs. Images are prepared as those of `source`. Throws
 * CheckpointError where `config` asks for another architecture than the weights are of.
 */
export function finetuned(source: Model, config: Partial<ModelConfig>): Model {
  for (const key of ["arch", "kernelNum", "reduction"] as const) {
    if (config[key] === undefined || config[key] === source.config[key]) continue;
    throw new CheckpointError(`the weights are of ${key} ${source.config[key]}, the run asks for ${config[key]}`);
  }
  const numClasses = config.numClasses ?? source.config.numClasses;
  const { inference } = source;
  const classNames = numClasses === source.config.numClasses ? inference.classNames : undefined;
  const model = createModel({ ...source.config, numClasses }, { ...inference, classNames, temperature: undefined });
  const known = new Map(namedParameters(source.network));
  const classifiers = [...namedModules(model.network)].filter(([, module]) => module instanceof Linear);
  for (const [name, parameter] of namedParameters(model.network)) {
    const { tensor } = known.get(name)!;
    const isClassifier = classifiers.some(([path]) => name.startsWith(`${path}.`));
    if (tensor && (!isClassifier || tensor.shape.join() === parameter.shape.join())) parameter.tensor = tensor;
  }
  return model;
}
