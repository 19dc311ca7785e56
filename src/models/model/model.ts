/**
 * A network with its weights. A program loads a model, compiles it for a device and runs it.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, COUNT } from "../../arguments.ts";
import { type DeviceError, isDeviceError, ShapeError } from "../../errors.ts";
import { shapeOf, showShape } from "../../image_tensor.ts";
import type { Preprocessing } from "../../data/pixels/preprocessing.ts";
import type { TensorSpec } from "../../checkpoint/remapping/remap.ts";
import type { StateDict } from "../../checkpoint/tensors/state_dict.ts";
import type { Backend, Executable, Tensors } from "../../graph/backend.ts";
import { type Graph, size } from "../../graph/graph.ts";
import { fuseMixing } from "../../graph/passes/fuse_mixing.ts";
import { optimizeForInference } from "../../graph/passes/mod.ts";
import { Module, traceModule } from "../../nn/module.ts";
import {
  checkClassNames,
  customInference,
  type InferenceConfig,
  type InferenceOverrides,
  overrideInference,
  preprocessingOf,
  usualInference,
} from "../config/inference_config.ts";
import { recognize, structureOf } from "./recognize.ts";
import { buildNetwork, completeConfig, CUSTOM, type ModelConfig } from "../architectures/registry.ts";

/** The input size that a graph is built for. */
export interface GraphOptions {
  /** Images per run. @default 1 */
  readonly batch?: number;
  /** Height and width of the images, in pixels. @default the model's own image size */
  readonly imageSize?: number;
}

/** How a model is compiled for a device. */
export interface CompileOptions extends GraphOptions {
  /** Called once if the batch does not fit: with the number of images per run that does fit, and the reason. */
  readonly onSplit?: (images: number, reason: DeviceError) => void;
}

/** A network and its inference settings. createModel and loadModel create one. */
export class Model {
  /** The root module of the network. */
  readonly network: Module;
  /** How an image of any size is turned into the input [3, imageSize, imageSize]. */
  readonly preprocessing: Preprocessing;
  /** Height and width of the input images, in pixels. */
  readonly imageSize: number;
  /** Class names by index, one for each class. Undefined if the names are not known. */
  readonly classNames: readonly string[] | undefined;
  /**
   * Temperature of all attentions: softmax and sigmoid of x / temperature. It is 1 unless the file sets another value
   * or the model is being trained.
   */
  temperature: number;
  readonly #inference: InferenceConfig;
  readonly #close: () => void;
  #config: Required<ModelConfig>;
  /** Structure of the network that {@link #config} describes. */
  #structure: string;

  /** Programs call createModel or loadModel instead. */
  constructor(
    config: ModelConfig,
    network: Module = buildNetwork(config),
    close: () => void = () => {},
    inference: InferenceConfig = usualInference(config),
  ) {
    this.#close = close;
    this.#config = completeConfig(config);
    this.#structure = structureOf(network);
    this.network = network;
    checkClassNames(inference, this.#config);
    this.#inference = inference;
    this.preprocessing = preprocessingOf(inference);
    this.imageSize = inference.imageSize;
    this.classNames = inference.classNames;
    this.temperature = inference.temperature;
  }

  /**
   * The architecture, kernelNum, reduction and numClasses, with all defaults filled in. If layers of the network were
   * replaced, this is the architecture that the new layers match, or "custom" if none matches.
   */
  get config(): Required<ModelConfig> {
    const structure = structureOf(this.network);
    if (structure !== this.#structure) {
      this.#config = recognize(this.network, classesOf(this.network, this.imageSize));
      this.#structure = structure;
    }
    return this.#config;
  }

  /** The inference settings, with the current temperature. They are stored in files of the model. */
  get inference(): InferenceConfig {
    return { ...this.#inference, temperature: this.temperature };
  }

  /**
   * Returns a model with the same layers and tensors and other settings:
   * `model.withInference({ imageSize: 288, cropPct: 1 })`.
   *
   * @throws {CheckpointError} if a setting is out of its range, or the number of class names differs from the number of
   * classes.
   */
  withInference(given: InferenceOverrides): Model {
    return new Model(this.config, this.network, this.#close, overrideInference(this.inference, given));
  }

  /**
   * Closes the file that the tensors are read from, and deletes what was downloaded for it. Compiled models keep
   * working. To compile again, load the model again.
   */
  close(): void {
    this.#close();
  }

  /** The same as {@link close}, for `using model = await loadModel(...)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Names, shapes and types of the state dict's tensors, in PyTorch's order. */
  stateDictSpec(): readonly TensorSpec[] {
    return this.network.stateDictSpec();
  }

  /** Number of trainable parameters. */
  countParameters(): number {
    return this.network.countParameters();
  }

  /**
   * Number of multiply-adds for one image. It counts convolutions, linear layers, attention branches, the scaling of
   * inputs and outputs by attentions, and 2n for each weight that is scaled and mixed from n kernels.
   */
  countMadds(): number {
    return fuseMixing(this.trace()).nodes.reduce((n, { op, operands, attributes, output }) => {
      return n + (op.madds?.(operands, attributes, output.shape) ?? 0);
    }, 0);
  }

  /**
   * Loads a state dict, as torch.nn.Module.load_state_dict does. The tensors are read when they are needed.
   *
   * @throws {CheckpointError} if a tensor is missing or unexpected, or has another shape or type. The model is then
   * unchanged.
   */
  loadStateDict(tensors: StateDict): void {
    this.network.loadStateDict(tensors, `the state dict of ${this.config.arch}`);
  }

  /**
   * Returns the state dict, as torch.nn.Module.state_dict does: the current tensors under PyTorch's names, in PyTorch's
   * order. Loading or training later does not change it. The caller may replace entries of the map and load it again.
   */
  stateDict(): StateDict {
    return this.network.stateDict();
  }

  /**
   * Returns the operators as the layers emit them. Inputs: "x" [B, 3, H, W] and "temperature" [1]. Output: "logits".
   */
  trace({ batch = 1, imageSize = this.imageSize }: GraphOptions = {}): Graph {
    checkNumber("batch", batch, COUNT);
    checkNumber("imageSize", imageSize, COUNT);
    return traceModule(this.network, [batch, 3, imageSize, imageSize], { temperature: this.temperature });
  }

  /** Returns the graph that runs at inference: {@link trace} with batch norms folded and epilogues fused. */
  graph(options: GraphOptions = {}): Graph {
    return optimizeForInference(this.trace(options));
  }

  /**
   * Compiles the model for a device. If the batch does not fit, it is halved until it does, and is then run in parts.
   *
   * @throws {ArgumentError} if the batch or the image size is not a whole number from 1.
   * @throws {DeviceError} if not even one image fits.
   */
  async compile(backend: Backend, { onSplit, ...options }: CompileOptions = {}): Promise<CompiledModel> {
    const { batch = 1 } = options;
    checkNumber("batch", batch, COUNT); // without this check, NaN would be halved for ever
    let reason: DeviceError | undefined;
    for (let part = batch;; part = Math.ceil(part / 2)) {
      const graph = this.graph({ ...options, batch: part });
      try {
        const compiled = new CompiledModel(this, graph, await backend.compile(graph), batch);
        if (reason) onSplit?.(part, reason);
        return compiled;
      } catch (error) {
        if (part === 1 || !isDeviceError(error, "too large")) throw error;
        reason ??= error;
      }
    }
  }
}

/** A model compiled for a device and one batch size. */
export class CompiledModel {
  /** The model that was compiled. Every run reads its current temperature. */
  readonly model: Model;
  /** The compiled graph. Its batch is smaller than this model's if the batch is run in parts. */
  readonly graph: Graph;
  /** [B, 3, H, W]. */
  readonly inputShape: readonly number[];
  readonly #executable: Executable;

  /** Programs call model.compile instead. */
  constructor(model: Model, graph: Graph, executable: Executable, batch: number) {
    this.model = model;
    this.graph = graph;
    this.inputShape = [batch, ...graph.inputs.get("x")!.shape.slice(1)];
    this.#executable = executable;
  }

  /**
   * Runs the network on normalised images.
   *
   * `images` is one image [3, H, W], as `preprocess` returns it, or several [B, 3, H, W], as `stack` returns them.
   * There may be fewer images than the batch size. Do not change the images until the run has ended.
   *
   * A plain Float32Array does not carry its height and width: 64x64 pixels could be taken for four images of 32x32.
   * Without a shape it must therefore have exactly the size of {@link inputShape}. For fewer images pass `shape`, as in
   * torch's view.
   *
   * @param images Images that carry their shape, or plain numbers.
   * @param shape The shape of plain numbers, [3, H, W] or [B, 3, H, W]; {@link inputShape} if left out.
   * @returns Logits [B, classes], row-major, one row for each given image.
   * @throws {ShapeError} if height or width differ from the network's, if there are more images than the batch size, or
   * if the number of elements does not match the shape.
   * @throws {ArgumentError} if the model's temperature is not a finite number above 0.
   */
  async run(images: Float32Array<ArrayBuffer>, shape?: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const count = countImages(images, shape, this.inputShape);
    const part = size(this.graph.inputs.get("x")!.shape);
    const parts = Array.from({ length: Math.ceil(images.length / part) }, (_, i) => {
      return this.#executable.run(this.#inputs(images.subarray(i * part, (i + 1) * part), part));
    });
    const answers = await Promise.all(parts);
    const { length } = answers[0].logits;
    const logits = new Float32Array(answers.length * length);
    answers.forEach((answer, i) => logits.set(answer.logits, i * length));
    return logits.slice(0, count * this.graph.outputs.get("logits")!.shape[1]);
  }

  /** Returns the inputs of a run on `length` numbers. Missing numbers are filled with zeros. */
  #inputs(images: Float32Array<ArrayBuffer>, length: number): Tensors {
    let x = images;
    if (x.length < length) {
      x = new Float32Array(length);
      x.set(images);
    }
    checkNumber("temperature", this.model.temperature, ABOVE_ZERO);
    return { x, ...(this.graph.inputs.has("temperature") && { temperature: Float32Array.of(this.model.temperature) }) };
  }

  /** Frees the device's memory. */
  dispose(): void {
    this.#executable.dispose();
  }

  /** The same as {@link dispose}, for `using network = await model.compile(device)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Returns the number of images given to a network with this `inputShape`. Throws ShapeError if they do not fit. */
function countImages(
  images: Float32Array,
  given: readonly number[] | undefined,
  inputShape: readonly number[],
): number {
  const [batch, ...image] = inputShape;
  const expected = `${showShape(image)} or [1 to ${batch}, ${image.join(", ")}]`;
  const carried = shapeOf(images);
  const shapes = [carried, given].filter((shape) => shape !== undefined);
  for (const shape of shapes) {
    const [count, ...rest] = shape.length === image.length ? [1, ...shape] : shape;
    if (rest.join() === image.join() && Number.isInteger(count) && count >= 1 && count <= batch) continue;
    throw new ShapeError(`the images are ${showShape(shape)}, the network takes ${expected}`);
  }
  const [shape] = shapes;
  if (!shape && images.length !== size(inputShape)) {
    throw new ShapeError(
      `the images have ${images.length} numbers and no shape, expected ${size(inputShape)} (${
        showShape(inputShape)
      }); give fewer images with their shape: stack(images), or run(numbers, [B, ${image.join(", ")}])`,
    );
  }
  const wrong = shapes.find((shape) => size(shape) !== images.length);
  if (wrong) {
    throw new ShapeError(`the images have ${images.length} numbers, expected ${size(wrong)} (${showShape(wrong)})`);
  }
  return images.length / size(image);
}

/** Settings for a custom network. */
export interface CustomInference extends InferenceOverrides {
  /** Height and width of the input images, in pixels. */
  readonly imageSize: number;
}

/**
 * Creates a model with initial weights, of a registered architecture or of a custom network.
 *
 * A registered architecture has its own settings, unless `inference` overrides them. A custom network takes images
 * [3, imageSize, imageSize] and returns logits [B, classes]. Its images are resized to imageSize and normalised with
 * ImageNet's mean and deviation, unless `inference` overrides that.
 *
 * @param network A configuration, or the root module of a network.
 * @throws {CheckpointError} if no architecture has that name, or a setting in `inference` is out of its range.
 * @throws {ShapeError} if the network does not take such images or does not return logits.
 *
 * @example
 * ```ts
 * import { Conv2d, createModel, GlobalAvgPool, Linear, ODConv2d, ReLU, Sequential } from "@odconv/odconv";
 *
 * const registered = createModel({ arch: "od_resnet20", kernelNum: 4 });
 * const layers = [new ODConv2d(3, 16, 3, { kernelNum: 2 }), new ReLU(), new GlobalAvgPool(), new Linear(16, 5)];
 * const own = createModel(new Sequential(...layers), { imageSize: 32 });
 * console.log(registered.config.arch, own.config.arch, own.config.numClasses); // od_resnet20 custom 5
 * ```
 */
export function createModel(network: ModelConfig, inference?: InferenceOverrides): Model;
/** Creates a model of a custom network. */
export function createModel(network: Module, inference: CustomInference): Model;
export function createModel(network: ModelConfig | Module, inference: InferenceOverrides = {}): Model {
  if (!(network instanceof Module)) {
    return new Model(network, undefined, undefined, overrideInference(usualInference(network), inference));
  }
  checkNumber("imageSize", inference.imageSize ?? NaN, COUNT);
  const whole = overrideInference(customInference(inference.imageSize!), inference);
  const numClasses = classesOf(network, whole.imageSize);
  return new Model({ arch: CUSTOM, numClasses }, network, undefined, whole);
}

/** Returns the number of classes of a network. Throws ShapeError if it does not return logits [B, classes]. */
export function classesOf(network: Module, imageSize: number): number {
  const { shape } = traceModule(network, [1, 3, imageSize, imageSize]).outputs.get("logits")!;
  if (shape.length === 2) return shape[1];
  throw new ShapeError(
    `the network returns ${showShape(shape)} for an image ${
      showShape([1, 3, imageSize, imageSize])
    }, expected logits ` +
      `[1, classes]; end it with GlobalAvgPool or Flatten, and Linear`,
  );
}
