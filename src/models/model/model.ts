/**
 * A network with its weights: what a program loads, compiles for a device and runs.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, COUNT } from "../../arguments.ts";
import { type DeviceError, isDeviceError, ShapeError } from "../../errors.ts";
import { shapeOf, showShape } from "../../image_tensor.ts";
import type { Preprocessing } from "../../data/pixels/preprocessing.ts";
import { remap } from "../../checkpoint/remapping/remap.ts";
import type { StateDict, Tensor } from "../../checkpoint/tensors/state_dict.ts";
import type { Backend, Executable, Tensors } from "../../graph/backend.ts";
import { type Graph, size } from "../../graph/graph.ts";
import { fuseMixing } from "../../graph/passes/fuse_mixing.ts";
import { optimizeForInference } from "../../graph/passes/mod.ts";
import { loadParameter, type Module, namedParameters, type Parameter, traceModule } from "../../nn/module.ts";
import {
  checkClassNames,
  type InferenceConfig,
  type InferenceOverrides,
  overrideInference,
  preprocessingOf,
  usualInference,
} from "../config/inference_config.ts";
import { buildNetwork, completeConfig, type ModelConfig } from "../architectures/registry.ts";

/** One entry of a state dict, without its values. */
export interface TensorSpec {
  /** PyTorch's name: "layer1.0.conv1.weight". */
  readonly name: string;
  /** Extents, outermost first; [] for a scalar. */
  readonly shape: readonly number[];
  /** float32; int64 for num_batches_tracked. */
  readonly dtype: "F32" | "I64";
}

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

/** Built by createModel or loadModel. */
export class Model {
  /** Architecture, kernelNum, reduction and classes, nothing left out. */
  readonly config: Required<ModelConfig>;
  /** The layers. */
  readonly network: Module;
  /** How images of any size become its input, [3, imageSize, imageSize]. */
  readonly preprocessing: Preprocessing;
  /** Height and width of its images, in pixels. */
  readonly imageSize: number;
  /** Names of its classes by index, as many as it has; undefined where they are not known. */
  readonly classNames: readonly string[] | undefined;
  /** Of all attentions: softmax and sigmoid of x / temperature. 1, unless its file says otherwise or it is being trained. */
  temperature: number;
  readonly #inference: InferenceConfig;
  readonly #close: () => void;

  /** A program calls createModel or loadModel instead. */
  constructor(
    config: ModelConfig,
    network: Module = buildNetwork(config),
    close: () => void = () => {},
    inference: InferenceConfig = usualInference(config),
  ) {
    this.#close = close;
    this.config = completeConfig(config);
    this.network = network;
    checkClassNames(inference, this.config);
    this.#inference = inference;
    this.preprocessing = preprocessingOf(inference);
    this.imageSize = inference.imageSize;
    this.classNames = inference.classNames;
    this.temperature = inference.temperature;
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

  /** Names, shapes and types of its state dict, in PyTorch's order. */
  stateDictSpec(): readonly TensorSpec[] {
    return [...namedParameters(this.network)].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
  }

  /** Number of trainable parameters. */
  countParameters(): number {
    return [...namedParameters(this.network)].reduce((n, [, p]) => p.trainable ? n + size(p.shape) : n, 0);
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
   * @throws CheckpointError if one is missing, of another shape or type, or unexpected; the model is then as it was
   */
  loadStateDict(tensors: StateDict): void {
    const mapped = remap(tensors, this.stateDictSpec(), `the state dict of ${this.config.arch}`);
    for (const [name, parameter] of namedParameters(this.network)) parameter.tensor = mapped.get(name);
  }

  /**
   * Its tensors under PyTorch's names, in PyTorch's order: torch.nn.Module.state_dict. They are what the model holds now,
   * whatever is loaded or trained later. The map is the caller's: entries may be replaced and loaded again.
   */
  stateDict(): StateDict {
    return new Map([...namedParameters(this.network)].map(([name, parameter]) => [name, tensorOf(name, parameter)]));
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

/** What a parameter holds now, as float32 or int64. */
function tensorOf(name: string, { dtype, shape, tensor, ...rest }: Parameter): Tensor {
  // A tensor of its type is the very same, so that a copy of a copy reads no longer chain.
  if (tensor?.dtype === dtype) return tensor;
  const read = async () => {
    if (dtype === "I64") return new Uint8Array(8);
    return new Uint8Array((await loadParameter(name, { dtype, shape, tensor, ...rest }, 0)).buffer);
  };
  return { dtype, shape, read };
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
    return logits.slice(0, count * this.model.config.numClasses);
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

/**
 * A model with initial weights, used as its architecture is unless `inference` says otherwise. Throws CheckpointError where
 * no architecture has that name, or a part of `inference` is out of its range.
 */
export function createModel(config: ModelConfig, inference: InferenceOverrides = {}): Model {
  return new Model(config, undefined, undefined, overrideInference(usualInference(config), inference));
}
