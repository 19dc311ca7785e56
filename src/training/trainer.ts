/**
 * Trains a model on a device: runs steps, returns losses, reads the weights back on request.
 *
 * @module
 */

import type { Tensor } from "../checkpoint/tensors/state_dict.ts";
import { ArgumentError, DeviceError, ShapeError } from "../errors.ts";
import { shapeOf, showShape } from "../image_tensor.ts";
import type { Backend, Executable, Tensors } from "../graph/backend.ts";
import { checkLabels, checkShape, labelInputs } from "../graph/check_inputs.ts";
import { type Graph, size } from "../graph/graph.ts";
import { Model } from "../models/model/model.ts";
import { countedBatches } from "../nn/buffer_updates.ts";
import { loadParameter, type Module, type Parameter } from "../nn/module.ts";
import { stateName } from "./optimizer.ts";
import { ABOVE_ZERO, checkNumber, COUNT, FROM_ZERO, SEED, SHARE } from "../arguments.ts";
import { ACCUMULATED, trainingStep, type TrainingStepOptions } from "./step.ts";

/** Options of a trainer. */
export interface TrainerOptions extends TrainingStepOptions {
  /** Images per run. With `parts`, the images of one part. */
  readonly batch: number;
  /**
   * Shape of one input without the batch, [3, height, width] for an image. For a Model it defaults to
   * [3, imageSize, imageSize]. For a Module it is required.
   */
  readonly inputShape?: readonly number[];
  /**
   * Seed of dropout, and of the initial values of parameters without a loaded value. A whole number below 2^24.
   * @default 0
   */
  readonly seed?: number;
}

/** Training state besides the model's own tensors. */
export class TrainingMemory {
  /** State of the optimizer and of the averages, by stateName(parameter, state). */
  readonly tensors: Map<string, Float32Array<ArrayBuffer>> = new Map();
  /** Number of parameter updates so far. */
  updates = 0;
  /** Number of forward passes so far: one per update, or one per part. */
  passes = 0;
}

/** Settings of one step. */
export interface StepSettings {
  /** Learning rate of the optimizer, 0 or more. */
  readonly learningRate: number;
  /** Temperature of the attentions, above 0. @default 1 */
  readonly temperature?: number;
}

/** Result of a step. */
export interface StepResult {
  /** Mean loss over the batch. */
  readonly loss: number;
  /**
   * "logits" [batch, classes] and the watched values. With parts, "logits" covers all parts, and the watched values are
   * those of the last part.
   */
  readonly outputs: Tensors;
  /**
   * Set only if the loss or an input of a batch norm is not finite. The step then changed no parameter. Holds the
   * inputs of the run in which this happened.
   */
  readonly failed?: Tensors;
}

type TrainingExecutable = Executable & Required<Pick<Executable, "read">>;

/** Trains a network on a device. Trainer.create creates one. */
export class Trainer {
  /** The network in training. Its weights are those of the last {@link sync}. */
  readonly network: Module;
  /** The graph of one run. */
  readonly graph: Graph;
  /** The counters, and the optimizer's tensors as of the last {@link sync}. */
  readonly memory: TrainingMemory;
  readonly #options: TrainerOptions;
  readonly #executable: TrainingExecutable;
  readonly #labels: ReadonlyMap<string, number>;
  #passesSinceSync = 0;

  private constructor(
    network: Module,
    graph: Graph,
    memory: TrainingMemory,
    options: TrainerOptions,
    executable: TrainingExecutable,
  ) {
    this.network = network;
    this.graph = graph;
    this.memory = memory;
    this.#options = options;
    this.#executable = executable;
    this.#labels = labelInputs(graph);
  }

  /**
   * Compiles a training step for the device.
   *
   * @param model A model, or the root module of any network. A module requires `inputShape`.
   * @param memory The memory of an earlier trainer. Training continues from the last sync of that trainer.
   * @throws {DeviceError} if the step does not fit or the device cannot train.
   * @throws {ArgumentError} if an option is invalid, such as a clipNorm of NaN, or `inputShape` is missing.
   *
   * @example
   * ```ts
   * import { Flatten, Linear, openDevice, Sequential, sgd, Trainer } from "@odconv/odconv";
   *
   * using device = await openDevice("cpu");
   * const network = new Sequential(new Flatten(), new Linear(8, 2));
   * using trainer = await Trainer.create(network, device, { inputShape: [2, 2, 2], batch: 4, optimizer: sgd() });
   * const { loss } = await trainer.step({ x: new Float32Array(32), labels: new Float32Array(4) }, { learningRate: 0.1 });
   * await trainer.sync(); // the weights are in `network`
   * console.log(loss); // ln 2
   * ```
   */
  static async create(
    model: Model | Module,
    backend: Backend,
    options: TrainerOptions,
    memory: TrainingMemory = new TrainingMemory(),
  ): Promise<Trainer> {
    checkOptions(options);
    const network = networkOf(model);
    initialize(network, options.seed ?? 0);
    const graph = trainerGraph(model, options, memory);
    const executable = await backend.compile(graph);
    if (!executable.read) {
      executable.dispose();
      throw new DeviceError(`${backend.description} cannot train: open it with one worker`);
    }
    return new Trainer(network, graph, memory, options, executable as TrainingExecutable);
  }

  /**
   * Runs one step.
   *
   * All inputs are checked before anything changes. With parts, every input holds the parts one after the other.
   *
   * @param inputs The graph's inputs: "x" [batch, ...inputShape], which `stack` makes from images, and "labels"
   * [batch], or the inputs of a custom loss.
   * @throws {ShapeError} if an input does not fit, or "x" carries another height or width.
   * @throws {DataError} if a label is not a class of the network. The message has the image's index in the batch, from
   * 0.
   * @throws {ArgumentError} if the learning rate is negative or not finite, or the temperature is not a finite number
   * above 0.
   */
  async step(inputs: Tensors, { learningRate, temperature = 1 }: StepSettings): Promise<StepResult> {
    checkNumber("learningRate", learningRate, FROM_ZERO);
    checkNumber("temperature", temperature, ABOVE_ZERO);
    const parts = this.#checkedParts(inputs);
    const settings: Tensors = {
      ...this.#options.optimizer.inputs(this.memory.updates + 1, learningRate),
      ...this.#given({ temperature, dropout_seed: this.#options.seed ?? 0, loss_weight: 1 / parts }),
    };
    let loss = 0;
    const logits: Float32Array[] = [];
    for (let part = 0; part < parts; part++) {
      const given = {
        ...slices(inputs, part, parts),
        ...settings,
        ...this.#given({
          dropout_step: this.memory.passes % 2 ** 24,
          keep: part > 0 ? 1 : 0,
          apply: part === parts - 1 ? 1 : 0,
        }),
      };
      const { loss: [value], check = [value], ...outputs } = await this.#executable.run(given);
      loss += value / parts;
      logits.push(outputs.logits);
      if (!Number.isFinite(check[0])) return { loss: value, outputs, failed: given };
      this.memory.passes++;
      this.#passesSinceSync++;
      if (part === parts - 1) {
        this.memory.updates++;
        return { loss, outputs: { ...outputs, logits: concatenate(logits) } };
      }
    }
    throw new ShapeError("a step needs at least one part");
  }

  /** Reads the trained values back from the device: into the network and into {@link memory}. */
  async sync(): Promise<void> {
    const names = [...this.graph.updates.keys()].map(({ name }) => name)
      .filter((name) => !name.endsWith(stateName("", ACCUMULATED)));
    const values = await this.#executable.read(names);
    const parameters = new Map(this.network.namedTensors());
    for (const [name, data] of Object.entries(values)) {
      const parameter = parameters.get(name);
      if (parameter) parameter.tensor = tensorOf(parameter, () => Promise.resolve(data));
      else this.memory.tensors.set(name, data);
    }
    for (const name of countedBatches(this.graph)) await countBatches(parameters.get(name), this.#passesSinceSync);
    this.#passesSinceSync = 0;
  }

  /** Images per run. */
  get batch(): number {
    return this.#options.batch;
  }

  /** Frees the device's memory. Changes since the last {@link sync} are lost. */
  dispose(): void {
    this.#executable.dispose();
  }

  /** The same as {@link dispose}, for `using trainer = await Trainer.create(...)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Returns the number of parts in the inputs. Throws if a part does not fit the graph. */
  #checkedParts(inputs: Tensors): number {
    const { shape: [batch, ...image] } = this.graph.inputs.get("x")!;
    const each = batch * size(image);
    const parts = (inputs.x?.length ?? 0) / each;
    if (!Number.isInteger(parts) || parts < 1 || (parts > 1 && !this.#options.parts)) {
      throw new ShapeError(
        `"x" has ${inputs.x?.length ?? 0} numbers, expected ${this.#options.parts ? "a multiple of " : ""}${each} (${
          showShape([batch, ...image])
        })`,
      );
    }
    for (const [name, data] of Object.entries(inputs)) {
      const value = this.graph.inputs.get(name);
      if (!value) continue;
      if (data.length !== parts * size(value.shape)) {
        throw new ShapeError(
          `"${name}" has ${data.length} numbers, expected ${parts * size(value.shape)} (${
            showShape([parts * value.shape[0], ...value.shape.slice(1)])
          })`,
        );
      }
      if (shapeOf(data)) checkShape(name, data, [parts * value.shape[0], ...value.shape.slice(1)]);
    }
    for (const [name, classes] of this.#labels) if (inputs[name]) checkLabels(name, inputs[name], classes);
    return parts;
  }

  /** Returns the numbers that are inputs of the graph. */
  #given(numbers: Readonly<Record<string, number>>): Tensors {
    const known = Object.entries(numbers).filter(([name]) => this.graph.inputs.has(name));
    return Object.fromEntries(known.map(([name, value]) => [name, Float32Array.of(value)]));
  }
}

/** Throws ArgumentError if an option is invalid. */
function checkOptions({ batch, inputShape, seed = 0, ...step }: TrainerOptions): void {
  const { labelSmoothing = 0, clipNorm = 1, averageDecay = 0 } = step;
  checkNumber("batch", batch, COUNT);
  if (inputShape) checkNumber("inputShape", inputShape, COUNT);
  checkNumber("seed", seed, SEED);
  checkNumber("labelSmoothing", labelSmoothing, SHARE);
  checkNumber("clipNorm", clipNorm, ABOVE_ZERO);
  checkNumber("averageDecay", averageDecay, SHARE);
}

/** Returns the graph that a trainer with these options compiles. Used to plan memory without a device. */
export function trainerGraph(model: Model | Module, options: TrainerOptions, memory?: TrainingMemory): Graph {
  const { batch, inputShape = usualShape(model) } = options;
  return trainingStep(networkOf(model), [batch, ...inputShape], options, (parameter, state) => {
    const known = memory?.tensors.get(stateName(parameter, state));
    return known && Promise.resolve(known);
  });
}

function networkOf(model: Model | Module): Module {
  return model instanceof Model ? model.network : model;
}

/** Returns the shape of a model's images. Throws ArgumentError for a module, whose input shape is not known. */
function usualShape(model: Model | Module): readonly number[] {
  if (model instanceof Model) return [3, model.imageSize, model.imageSize];
  throw new ArgumentError("a module does not say what it takes: give inputShape, such as [3, 224, 224]");
}

/** Gives initial values to every parameter without a loaded value. */
function initialize(network: Module, seed: number): void {
  for (const [name, parameter] of network.namedTensors()) {
    if (parameter.tensor || parameter.dtype === "I64") continue;
    const { shape, dtype, trainable, initial } = parameter;
    const untouched: Parameter = { shape, dtype, trainable, initial };
    parameter.tensor = tensorOf(parameter, () => loadParameter(name, untouched, seed));
  }
}

function tensorOf({ shape, dtype }: Parameter, load: () => Promise<Float32Array<ArrayBuffer>>): Tensor {
  return { shape, dtype, read: async () => new Uint8Array((await load()).buffer) };
}

async function countBatches(parameter: Parameter | undefined, passes: number): Promise<void> {
  if (!parameter) return;
  const { shape, dtype, tensor } = parameter;
  const before = tensor ? new DataView((await tensor.read()).slice().buffer).getBigInt64(0, true) : 0n;
  const after = new Uint8Array(BigInt64Array.of(before + BigInt(passes)).buffer);
  parameter.tensor = { shape, dtype, read: () => Promise.resolve(after) };
}

function slices(inputs: Tensors, part: number, parts: number): Tensors {
  if (parts === 1) return inputs;
  return Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => {
      const length = data.length / parts;
      return [name, data.slice(part * length, (part + 1) * length)];
    }),
  );
}

function concatenate(arrays: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(arrays.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
