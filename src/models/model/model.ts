/**
 * A network with its weights: what a program loads, compiles for a device and runs.
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

/** For which inputs a graph is made. */
export interface GraphOptions {
  /** Images a run; 1 if left out. */
  readonly batch?: number;
  /** Height and width of the images; the model's own if left out. */
  readonly imageSize?: number;
}

/** How a model is made ready for a device. */
export interface CompileOptions extends GraphOptions {
  /** Called once where the batch does not fit, with the images that a run of the device takes instead, and the reason. */
  readonly onSplit?: (images: number, reason: DeviceError) => void;
}

/** A network and how it is used. Made by createModel or loadModel. */
export class Model {
  /** The layers. */
  readonly network: Module;
  /** How images of any size become its input, [3, imageSize, imageSize]. */
  readonly preprocessing: Preprocessing;
  /** Height and width of its images, in pixels. */
  readonly imageSize: number;
  /** Names of its classes by index, as many as it has; undefined if they are not known. */
  readonly classNames: readonly string[] | undefined;
  /** Of all attentions: softmax and sigmoid of x / temperature. 1, unless its file says otherwise or it is being trained. */
  temperature: number;
  readonly #inference: InferenceConfig;
  readonly #close: () => void;
  #config: Required<ModelConfig>;
  /** That of the network which {@link #config} describes. */
  #structure: string;

  /** A program calls createModel or loadModel instead. */
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
   * Architecture, kernelNum, reduction and classes, nothing left out. If layers of the network were replaced, it is the
   * architecture that they now make; or "custom", if none is made so.
   */
  get config(): Required<ModelConfig> {
    const structure = structureOf(this.network);
    if (structure !== this.#structure) {
      this.#config = recognize(this.network, classesOf(this.network, this.imageSize));
      this.#structure = structure;
    }
    return this.#config;
  }

  /** How it is used, with the temperature of the moment: what files of it carry. */
  get inference(): InferenceConfig {
    return { ...this.#inference, temperature: this.temperature };
  }

  /**
   * The same layers and tensors, used otherwise: `model.withInference({ imageSize: 288, cropPct: 1 })`. Throws
   * CheckpointError where a part is out of its range, or the class names are not as many as the classes.
   */
  withInference(given: InferenceOverrides): Model {
    return new Model(this.config, this.network, this.#close, overrideInference(this.inference, given));
  }

  /**
   * Lets go of the file its tensors are read from, and removes what was downloaded for it. What is compiled goes on
   * working; to compile again, load again.
   */
  close(): void {
    this.#close();
  }

  /** {@link close}, for `using model = await loadModel(...)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Names, shapes and types of its state dict, in PyTorch's order. */
  stateDictSpec(): readonly TensorSpec[] {
    return this.network.stateDictSpec();
  }

  /** Number of trainable parameters. */
  countParameters(): number {
    return this.network.countParameters();
  }

  /**
   * Multiply-adds of one image: convolutions and linear layers, attention branches, the scalings of input and output
   * by their attentions, and 2n for each weight that is scaled and mixed from n kernels.
   */
  countMadds(): number {
    return fuseMixing(this.trace()).nodes.reduce((n, { op, operands, attributes, output }) => {
      return n + (op.madds?.(operands, attributes, output.shape) ?? 0);
    }, 0);
  }

  /**
   * Takes over the tensors, which are read when they are needed: torch.nn.Module.load_state_dict.
   *
   * @throws {CheckpointError} if one is missing, of another shape or type, or unexpected; the model is then as it was.
   */
  loadStateDict(tensors: StateDict): void {
    this.network.loadStateDict(tensors, `the state dict of ${this.config.arch}`);
  }

  /**
   * Its tensors under PyTorch's names, in PyTorch's order: torch.nn.Module.state_dict. They are what the model holds now,
   * whatever is loaded or trained later. The map is the caller's: entries may be replaced and loaded again.
   */
  stateDict(): StateDict {
    return this.network.stateDict();
  }

  /** Its operators as the layers emit them: inputs "x" [B, 3, H, W] and "temperature" [1], output "logits". */
  trace({ batch = 1, imageSize = this.imageSize }: GraphOptions = {}): Graph {
    checkNumber("batch", batch, COUNT);
    checkNumber("imageSize", imageSize, COUNT);
    return traceModule(this.network, [batch, 3, imageSize, imageSize], { temperature: this.temperature });
  }

  /** The same, with batch norms folded and epilogues fused: what is run for inference. */
  graph(options: GraphOptions = {}): Graph {
    return optimizeForInference(this.trace(options));
  }

  /**
   * Makes it ready to run on a device. A batch that does not fit there is halved until it does, and runs in such parts.
   *
   * @throws ArgumentError if the batch or the image size is no whole number from 1 up
   * @throws DeviceError if not even one image fits
   */
  async compile(backend: Backend, { onSplit, ...options }: CompileOptions = {}): Promise<CompiledModel> {
    const { batch = 1 } = options;
    checkNumber("batch", batch, COUNT); // what is no number is halved for ever
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

/** A model on a device, for one batch size. */
export class CompiledModel {
  /** Where its weights came from. Its temperature counts at every run. */
  readonly model: Model;
  /** What runs; of fewer images than the batch where the batch runs in parts. */
  readonly graph: Graph;
  /** [B, 3, H, W]. */
  readonly inputShape: readonly number[];
  readonly #executable: Executable;

  /** A program calls model.compile instead. */
  constructor(model: Model, graph: Graph, executable: Executable, batch: number) {
    this.model = model;
    this.graph = graph;
    this.inputShape = [batch, ...graph.inputs.get("x")!.shape.slice(1)];
    this.#executable = executable;
  }

  /**
   * Logits [B, classes], row-major, of normalised images: one [3, H, W] as `preprocess` returns it, or several
   * [B, 3, H, W] as `stack` returns them. Fewer images than the batch are welcome: as many logits come back. The images
   * must stay what they are until then.
   *
   * A plain Float32Array does not say its height and width, so that 64x64 pixels would pass for four images of 32x32.
   * Without a shape it must therefore fill {@link inputShape} exactly; for fewer images pass `shape`, as one passes it to
   * torch's view.
   *
   * @param images Images that carry their shape, or plain numbers.
   * @param shape The shape of plain numbers, [3, H, W] or [B, 3, H, W]; {@link inputShape} if left out.
   * @throws {ShapeError} if height or width are not the network's, there are more images than the batch has, or the
   * numbers are not as many as the shape says.
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

  /** The inputs of a run that takes so many numbers; what is missing is zeros. */
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

  /** {@link dispose}, for `using network = await model.compile(device)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** How many images are given to a network that takes `inputShape`. Throws ShapeError. */
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

/** How a network of one's own is used. */
export interface CustomInference extends InferenceOverrides {
  /** Height and width of its images, in pixels. */
  readonly imageSize: number;
}

/**
 * A model with initial weights: of a registered architecture, or of a network of one's own.
 *
 * A registered one is used as its architecture is unless `inference` says otherwise. A network of one's own takes images
 * [3, imageSize, imageSize] and returns logits [B, classes]. Its images are resized to imageSize and normalised as
 * ImageNet's, unless `inference` says otherwise.
 *
 * @param network A configuration, or the root module of a network.
 * @throws {CheckpointError} if no architecture has that name, or a part of `inference` is out of its range.
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
/** A model of a network of one's own. */
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

/** How many classes a network tells apart. Throws ShapeError if it does not return logits [B, classes]. */
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
