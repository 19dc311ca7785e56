/** Compares the training of whole networks with PyTorch: tests/reference/write_training_parity_fixtures.py. */

import type { Backend, Executable } from "../../src/graph/backend.ts";
import { size } from "../../src/graph/graph.ts";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { loadParameter, type Parameter } from "../../src/nn/module.ts";
import { setDropout } from "../../src/training/dropout.ts";
import { sgd, stateName } from "../../src/training/optimizer.ts";
import { trainingStep } from "../../src/training/step.ts";
import { inErrorScopes } from "./devices.ts";
import { readJson, readTensors } from "./fixtures.ts";
import { randomTrainingStateDict, uniform } from "./random_weights.ts";
import { estimateDistance, PROJECTIONS, sketch } from "./sketch.ts";

/** Tolerance of a tensor after the first step against PyTorch's float64: relative L2. */
export const TENSOR_TOLERANCE = 1e-3;
/** Relative tolerance of the loss of any step against PyTorch's float64. */
export const LOSS_TOLERANCE = 1e-2;

/** A network with PyTorch's results in float64. */
export interface TrainingCase {
  /** "od_resnet18_4x@30": architecture, kernels, temperature. */
  readonly name: string;
  readonly arch: string;
  readonly kernelNum: number;
  readonly temperature: number;
  /** Loss of every step. */
  readonly losses: readonly number[];
  /** Loss of every step of PyTorch's float32. */
  readonly torchLosses: readonly number[];
  /** One row per float tensor of the state dict: L2 norm, error of PyTorch's float32, projections. */
  readonly sketches: Float32Array;
}

/** The settings that all cases share. */
export interface TrainingSetting {
  /** Version of PyTorch. */
  readonly torch: string;
  readonly imageSize: number;
  readonly batch: number;
  readonly classes: number;
  readonly sgd: { readonly lr: number; readonly momentum: number; readonly weight_decay: number };
}

/** The error of a gradient or a running statistic after the first step. */
export interface TensorError {
  /** Name of the parameter or buffer. */
  readonly name: string;
  /** Estimated L2 distance from PyTorch's float64, relative to its norm. */
  readonly error: number;
  /** Exact L2 distance of PyTorch's float32 from its float64, relative to the same norm. */
  readonly torchError: number;
}

/** The result of training on a device. */
export interface TrainingResult {
  /** In the order of the state dict. */
  readonly tensors: readonly TensorError[];
  /** Loss of every step that was made. */
  readonly losses: readonly number[];
}

/** Reads the settings and the cases. */
export async function readTrainingCases(): Promise<{ setting: TrainingSetting; cases: readonly TrainingCase[] }> {
  const { cases, ...setting } = await readJson<TrainingSetting & { cases: Omit<TrainingCase, "sketches">[] }>(
    "training_parity.json",
  );
  const tables = await readTensors("training_parity.safetensors");
  return { setting, cases: cases.map((c) => ({ ...c, sketches: tables.get(c.name)! })) };
}

/** Returns the largest relative difference of two curves, over the length of the first. */
export function curveError(losses: readonly number[], expected: readonly number[]): number {
  return Math.max(...losses.map((loss, i) => Math.abs(loss / expected[i] - 1)));
}

/** Trains a network on a device for some steps on one batch. */
export async function trainCase(
  backend: Backend,
  setting: TrainingSetting,
  c: TrainingCase,
  steps: number = c.losses.length,
): Promise<TrainingResult> {
  const model = createModel({ ...c, numClasses: setting.classes });
  model.loadStateDict(randomTrainingStateDict(model.stateDictSpec()));
  setDropout(model.network, 0);
  const shape = [setting.batch, 3, setting.imageSize, setting.imageSize];
  const optimizer = sgd({ momentum: setting.sgd.momentum, weightDecay: setting.sgd.weight_decay });
  const graph = trainingStep(model.network, shape, { optimizer });
  return await inErrorScopes(backend, async () => {
    const executable = await backend.compile(graph) as Required<Executable>;
    try {
      const losses: number[] = [];
      let tensors: TensorError[] = [];
      for (let step = 1; step <= steps; step++) {
        const { loss } = await executable.run({
          ...optimizer.inputs(step, setting.sgd.lr),
          x: images(shape),
          labels: labels(setting),
          temperature: Float32Array.of(c.temperature),
        });
        losses.push(loss[0]);
        if (step === 1) tensors = await tensorErrors(model, executable, setting, c);
      }
      return { tensors, losses };
    } finally {
      executable.dispose();
    }
  });
}

/** images() in the script: noise around a colour, one colour per image. */
function images(shape: readonly number[]): Float32Array<ArrayBuffer> {
  const colour = uniform("image.colour", [shape[0], 3, 1, 1]);
  const pixels = shape[2] * shape[3];
  return uniform("image", shape).map((x, i) => x + colour[Math.floor(i / pixels)]);
}

/** labels() in the script. */
function labels({ batch, classes }: TrainingSetting): Float32Array<ArrayBuffer> {
  return uniform("labels", [batch]).map((u) => Math.floor((u + 1) / 2 * classes));
}

/** Compares the tensors after the first step with the sketches. */
async function tensorErrors(
  model: Model,
  executable: Required<Executable>,
  setting: TrainingSetting,
  c: TrainingCase,
): Promise<TensorError[]> {
  const floats = [...model.network.namedTensors()].filter(([, { dtype }]) => dtype === "F32");
  const columns = 2 + PROJECTIONS;
  if (c.sketches.length !== floats.length * columns) throw new Error(`${c.name}: the fixture is of another network`);
  const errors: TensorError[] = [];
  for (const group of groups(floats)) {
    // After one step the velocity is the gradient plus the weight decay.
    const key = ([name, { trainable }]: Entry) => trainable ? stateName(name, "momentum_buffer") : name;
    const values = await executable.read(group.map(key));
    for (const entry of group) {
      const [name, parameter] = entry;
      let actual: ArrayLike<number> = values[key(entry)];
      if (parameter.trainable) {
        const before = await loadParameter(name, parameter, 0);
        actual = values[key(entry)].map((velocity, i) => velocity - setting.sgd.weight_decay * before[i]);
      }
      const row = errors.length * columns;
      const [norm, torchError, ...expected] = c.sketches.subarray(row, row + columns);
      errors.push({ name, error: estimateDistance(sketch(actual), expected) / norm, torchError });
    }
  }
  return errors;
}

type Entry = readonly [name: string, parameter: Parameter];

/**
 * Groups neighbours of about 16 MB that are read together. All tensors at once need too much memory; single reads are
 * slow.
 */
function groups(entries: readonly Entry[]): Entry[][] {
  const groups: Entry[][] = [];
  let room = 0;
  for (const entry of entries) {
    room -= size(entry[1].shape);
    if (room < 0) {
      groups.push([]);
      room = 2 ** 22;
    }
    groups.at(-1)!.push(entry);
  }
  return groups;
}
