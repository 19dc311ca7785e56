/**
 * The state from which a training run resumes. It is a separate safetensors file ("last.state.safetensors" next to
 * "last.safetensors") with
 *
 * - the model's trained tensors under their own names;
 * - the optimizer's state of each parameter under PARAMETER/STATE ("fc.weight/momentum_buffer"; PyTorch's names contain
 *   no "/");
 * - the moving average of each parameter as the state "average", if the run keeps averages;
 * - metadata:
 *
 *     epoch      number of finished epochs, which is the number of the next one counted from 0
 *     step       number of updates of the weights so far
 *     best_acc   best top-1 accuracy on the validation images, in percent
 *     optimizer  JSON: its class in torch.optim, and its arguments that differ from the class's defaults:
 *                {"type": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0001}
 *
 * Other contents of the file are ignored here. If there are averages, the model's file contains them.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";

/** The progress of a training run. */
export interface Progress {
  /** Number of finished epochs. */
  readonly epoch: number;
  /** Number of updates of the weights so far. */
  readonly step: number;
  /** Best top-1 accuracy so far, in percent. */
  readonly bestAccuracy: number;
}

/** Arguments of an optimizer under PyTorch's names: the contents of `param_groups` without `params`. */
export type OptimizerArguments = Readonly<Record<string, number | boolean | null | readonly number[]>>;

/** An optimizer as PyTorch describes it. */
export interface OptimizerSettings {
  /** The class in torch.optim. */
  readonly type: keyof typeof OPTIMIZERS;
  /** Its arguments. Missing ones have the values in {@link OPTIMIZERS}. */
  readonly arguments: OptimizerArguments;
}

/** The optimizers that can be exported to PyTorch, with the default values of their arguments in torch.optim. */
export const OPTIMIZERS = {
  SGD: {
    state: ["momentum_buffer"],
    counted: false,
    arguments: {
      lr: 1e-3,
      momentum: 0,
      dampening: 0,
      weight_decay: 0,
      nesterov: false,
      maximize: false,
      foreach: null,
      differentiable: false,
      fused: null,
    },
  },
  AdamW: {
    state: ["exp_avg", "exp_avg_sq"],
    counted: true,
    arguments: {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weight_decay: 1e-2,
      amsgrad: false,
      maximize: false,
      foreach: null,
      capturable: false,
      differentiable: false,
      fused: null,
      decoupled_weight_decay: true,
    },
  },
} as const satisfies Record<string, OptimizerClass>;

/** A class of torch.optim. */
interface OptimizerClass {
  /** Names of the tensors that it keeps for each parameter. They have the parameter's shape. */
  readonly state: readonly string[];
  /** Whether it keeps the number of updates of each parameter, as the tensor "step". */
  readonly counted: boolean;
  /** Default values of its arguments. */
  readonly arguments: OptimizerArguments;
}

/** Returns the metadata of a file with the state of a run. */
export function encodeTrainingState(progress: Progress, optimizer: OptimizerSettings): Record<string, string> {
  return {
    epoch: String(progress.epoch),
    step: String(progress.step),
    best_acc: String(progress.bestAccuracy),
    optimizer: JSON.stringify({ type: optimizer.type, ...optimizer.arguments }),
  };
}

/**
 * Returns the progress of the run that wrote a file. Values missing from the metadata are 0. Throws CheckpointError for
 * invalid values.
 */
export function decodeProgress(metadata: Readonly<Record<string, string>>, source: string): Progress {
  const number = (key: string, whole: boolean) => {
    const text = metadata[key];
    const value = Number(text ?? 0);
    if (text === "" || !(whole ? Number.isSafeInteger(value) : Number.isFinite(value)) || value < 0) {
      throw new CheckpointError(`${source}: metadata ${key} is ${JSON.stringify(text)}, expected a number from 0 up`);
    }
    return value;
  };
  return { epoch: number("epoch", true), step: number("step", true), bestAccuracy: number("best_acc", false) };
}

/** Returns the optimizer of the run that wrote a file, with all arguments. Throws CheckpointError if there is none. */
export function decodeOptimizer(metadata: Readonly<Record<string, string>>, source: string): OptimizerSettings {
  const fail = (why: string) => new CheckpointError(`${source}: no state of a training run: ${why}`);
  if (metadata.optimizer === undefined) throw fail("its metadata names no optimizer");
  let json: unknown;
  try {
    json = JSON.parse(metadata.optimizer);
  } catch {
    throw fail(`its optimizer is not JSON: ${metadata.optimizer.slice(0, 80)}`);
  }
  if (typeof json !== "object" || json === null || !("type" in json)) throw fail("its optimizer has no type");
  const { type, ...given } = json;
  if (typeof type !== "string" || !Object.hasOwn(OPTIMIZERS, type)) {
    throw fail(`its optimizer is ${JSON.stringify(type)}, known are ${Object.keys(OPTIMIZERS).join(" and ")}`);
  }
  const known = OPTIMIZERS[type as OptimizerSettings["type"]].arguments as OptimizerArguments;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name) || !sameKind(known[name], value)) {
      throw fail(`${type} has no argument ${name} = ${JSON.stringify(value)}`);
    }
  }
  return { type: type as OptimizerSettings["type"], arguments: { ...known, ...given as OptimizerArguments } };
}

function sameKind(known: OptimizerArguments[string], value: unknown): boolean {
  if (known === null) return value === null || typeof value === "boolean";
  if (typeof known !== "object") return typeof value === typeof known;
  return value instanceof Array && value.length === known.length && value.every((n) => typeof n === "number");
}
