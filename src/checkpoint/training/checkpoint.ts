/**
 * The checkpoint of a training script, as the published one saves and resumes it: {epoch, arch, state_dict with
 * DistributedDataParallel's "module." before every name, best_acc, optimizer}, and a text on how the model is used, which
 * such a script ignores.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { INFERENCE_KEY } from "../tensors/inference_key.ts";
import { OrderedDict, Tuple } from "../write/pickle.ts";
import type { StateDict, Tensor } from "../tensors/state_dict.ts";
import { OPTIMIZERS, type OptimizerSettings, type Progress } from "./state.ts";
import type { TorchValue } from "../write/torch.ts";

/** What goes into a checkpoint. */
export interface TrainingCheckpoint {
  /** Name of the architecture. */
  readonly arch: string;
  /** How the model is used, as a text of JSON: under {@link INFERENCE_KEY}. */
  readonly inference: string;
  /** The model's tensors as they are trained, in PyTorch's order. */
  readonly tensors: StateDict;
  /** The same with moving averages, if the run keeps such: "state_dict_ema". */
  readonly averages?: StateDict;
  /** Names of its trainable parameters in the order of `model.parameters()`, by which PyTorch numbers them. */
  readonly parameters: readonly string[];
  /** How far the run is. */
  readonly progress: Progress;
  /** The optimizer, with all of its arguments. */
  readonly optimizer: OptimizerSettings;
  /** What it remembers, under PARAMETER/STATE; empty where it starts anew. */
  readonly state: StateDict;
}

/** The optimizer of a model that was not trained here: the published script's, with its own settings. */
export const PUBLISHED_OPTIMIZER: OptimizerSettings = {
  type: "SGD",
  arguments: { ...OPTIMIZERS.SGD.arguments, lr: 0.1, momentum: 0.9, weight_decay: 1e-4 },
};

/** What writeTorch is to write. Throws CheckpointError where the optimizer's tensors do not fit the model's. */
export function trainingCheckpoint(checkpoint: TrainingCheckpoint): TorchValue {
  const { arch, inference, tensors, averages, progress } = checkpoint;
  return new Map<string, TorchValue>([
    ["epoch", progress.epoch],
    ["arch", arch],
    ["state_dict", wrapped(tensors)],
    ...(averages ? [["state_dict_ema", wrapped(averages)]] as const : []),
    ["best_acc", progress.bestAccuracy],
    ["optimizer", optimizerStateDict(checkpoint)],
    [INFERENCE_KEY, inference],
  ]);
}

/** Under the names that they have in DistributedDataParallel. */
function wrapped(tensors: StateDict): OrderedDict<Tensor> {
  return new OrderedDict([...tensors].map(([name, tensor]) => [`module.${name}`, tensor]));
}

/** torch.optim.Optimizer.state_dict(): parameters by number. */
function optimizerStateDict({ tensors, parameters, progress, optimizer, state }: TrainingCheckpoint): TorchValue {
  const known = OPTIMIZERS[optimizer.type];
  checkState(tensors, parameters, known.state, state);
  const perParameter = parameters.flatMap((name, index): [number, TorchValue][] => {
    const kept = known.state.flatMap((key): [string, Tensor][] => {
      const tensor = state.get(`${name}/${key}`);
      return tensor ? [[key, tensor]] : [];
    });
    // A parameter that was frozen, or not yet updated, has no entry.
    if (!kept.length) return [];
    if (kept.length < known.state.length) {
      throw new CheckpointError(`${name}: ${optimizer.type} keeps ${known.state.join(" and ")} of it, one is missing`);
    }
    return [[index, new Map([...(known.counted ? [["step", scalar(progress.step)]] as const : []), ...kept])]];
  });
  const group = new Map<string, TorchValue>();
  for (const [name, value] of Object.entries(optimizer.arguments)) {
    group.set(name, value instanceof Array ? new Tuple<Tensor>(value) : value);
  }
  group.set("params", parameters.map((_, index) => index));
  return new Map<string, TorchValue>([["state", new Map(perParameter)], ["param_groups", [group]]]);
}

/** Every tensor that the optimizer keeps has to belong to a parameter and to have its shape. */
function checkState(
  tensors: StateDict,
  parameters: readonly string[],
  keys: readonly string[],
  state: StateDict,
): void {
  const trainable = new Set(parameters);
  for (const [name, { dtype, shape }] of state) {
    const [parameter, key] = [name.slice(0, name.lastIndexOf("/")), name.slice(name.lastIndexOf("/") + 1)];
    if (!keys.includes(key)) continue;
    const wanted = trainable.has(parameter) ? tensors.get(parameter) : undefined;
    if (dtype !== "F32" || wanted?.shape.join() !== shape.join()) {
      const expected = wanted ? `F32 [${wanted.shape.join(", ")}]` : "no such parameter";
      throw new CheckpointError(
        `the training state is another model's: ${name} is ${dtype} [${shape.join(", ")}], the model has ${expected}`,
      );
    }
  }
}

/** PyTorch counts updates in a float32 tensor. */
function scalar(value: number): Tensor {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return { dtype: "F32", shape: [], read: () => Promise.resolve(bytes) };
}
