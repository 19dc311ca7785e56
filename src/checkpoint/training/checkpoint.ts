/**
 * The checkpoint of a training script, in the published script's format: {epoch, arch, state_dict with
 * DistributedDataParallel's "module." before every name, best_acc, optimizer}. That script can resume it. It also
 * contains a text on how the model is used, which that script ignores.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { INFERENCE_KEY } from "../tensors/inference_key.ts";
import { OrderedDict, Tuple } from "../write/pickle.ts";
import type { StateDict, Tensor } from "../tensors/state_dict.ts";
import { OPTIMIZERS, type OptimizerSettings, type Progress } from "./state.ts";
import type { TorchValue } from "../write/torch.ts";

/** The contents of a checkpoint. */
export interface TrainingCheckpoint {
  /** Name of the architecture. */
  readonly arch: string;
  /** JSON text on how the model is used, stored under {@link INFERENCE_KEY}. */
  readonly inference: string;
  /** The model's trained tensors, in PyTorch's order. */
  readonly tensors: StateDict;
  /** The moving averages of these tensors, if the run keeps them. Stored as "state_dict_ema". */
  readonly averages?: StateDict;
  /** Names of its trainable parameters in the order of `model.parameters()`. PyTorch numbers them in this order. */
  readonly parameters: readonly string[];
  /** The progress of the run. */
  readonly progress: Progress;
  /** The optimizer with all of its arguments. */
  readonly optimizer: OptimizerSettings;
  /** The optimizer's state, under PARAMETER/STATE. Empty if the optimizer starts anew. */
  readonly state: StateDict;
}

/** The optimizer for a model that was not trained by this library: the published script's, with its settings. */
export const PUBLISHED_OPTIMIZER: OptimizerSettings = {
  type: "SGD",
  arguments: { ...OPTIMIZERS.SGD.arguments, lr: 0.1, momentum: 0.9, weight_decay: 1e-4 },
};

/** Returns the value for writeTorch. Throws CheckpointError if the optimizer's tensors do not fit the model's. */
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

/** Returns the tensors under their names in DistributedDataParallel. */
function wrapped(tensors: StateDict): OrderedDict<Tensor> {
  return new OrderedDict([...tensors].map(([name, tensor]) => [`module.${name}`, tensor]));
}

/** torch.optim.Optimizer.state_dict(): parameters are identified by number. */
function optimizerStateDict({ tensors, parameters, progress, optimizer, state }: TrainingCheckpoint): TorchValue {
  const known = OPTIMIZERS[optimizer.type];
  checkState(tensors, parameters, known.state, state);
  const perParameter = parameters.flatMap((name, index): [number, TorchValue][] => {
    const kept = known.state.flatMap((key): [string, Tensor][] => {
      const tensor = state.get(`${name}/${key}`);
      return tensor ? [[key, tensor]] : [];
    });
    // A frozen parameter, or one that is not yet updated, has no entry.
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

/** Checks that every tensor of the optimizer belongs to a parameter and has its shape. */
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

/** PyTorch stores the number of updates in a float32 tensor. */
function scalar(value: number): Tensor {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return { dtype: "F32", shape: [], read: () => Promise.resolve(bytes) };
}
