/**
 * What a training run goes on from, as a safetensors file of its own ("last.state.safetensors" beside
 * "last.safetensors"): the model's tensors as they are trained, under their own names; what is remembered of a parameter
 * under PARAMETER/STATE ("fc.weight/momentum_buffer"; there is no "/" in PyTorch's names), "average" being its moving
 * average, if the run keeps averages; and in the metadata
 *
 *     epoch      epochs that are finished, which is the number of the next one counted from 0
 *     step       updates of the weights so far
 *     best_acc   best top-1 on the validation images, in percent
 *     optimizer  JSON: its class in torch.optim and those of its arguments that are not the class's own defaults:
 *                {"type": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0001}
 *
 * A file may hold more, which is left alone here. Where there are averages, the model's file holds them.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";

/** How far a training run is. */
export interface Progress {
  /** Epochs that are finished. */
  readonly epoch: number;
  /** Updates of the weights so far. */
  readonly step: number;
  /** Best top-1 so far, in percent. */
  readonly bestAccuracy: number;
}

/** Arguments of an optimizer under PyTorch's names: what `param_groups` holds besides `params`. */
export type OptimizerArguments = Readonly<Record<string, number | boolean | null | readonly number[]>>;

/** An optimizer as PyTorch would describe it. */
export interface OptimizerSettings {
  /** Class in torch.optim. */
  readonly type: keyof typeof OPTIMIZERS;
  /** Its arguments; those that are left out have the values in {@link OPTIMIZERS}. */
  readonly arguments: OptimizerArguments;
}

/** The optimizers that can be taken to PyTorch, with the values of their arguments in torch.optim. */
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

/** What is known of a class of torch.optim. */
interface OptimizerClass {
  /** Names of the tensors that it keeps for each parameter, of the parameter's shape. */
  readonly state: readonly string[];
  /** Whether it keeps the number of updates for each parameter, as the tensor "step". */
  readonly counted: boolean;
  /** Values of its arguments where nobody gives others. */
  readonly arguments: OptimizerArguments;
}

/** The metadata of a file that keeps the state of a run. */
export function encodeTrainingState(progress: Progress, optimizer: OptimizerSettings): Record<string, string> {
  return {
    epoch: String(progress.epoch),
    step: String(progress.step),
    best_acc: String(progress.bestAccuracy),
    optimizer: JSON.stringify({ type: optimizer.type, ...optimizer.arguments }),
  };
}

/** How far the run was that wrote a file; 0 for what the metadata does not say. Throws CheckpointError for nonsense. */
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

/** The optimizer of the run that wrote a file, every argument given. Throws CheckpointError where there is none. */
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
