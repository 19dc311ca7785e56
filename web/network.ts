/** Runs a network on a device and returns its results for an image: logits, attentions, times. */

import {
  type AttentionName,
  attentionOutputs,
  type Backend,
  type DynamicLayer,
  type Executable,
  loadModel,
  type Model,
  optimizeForInference,
  preprocess,
  type RgbImage,
  softmax,
  type Tensors,
  toFloat32,
  topK,
} from "../mod.ts";
import { type StageTime, timesByStage } from "../src/models/architectures/stages.ts";

/** A class with its probability. */
export interface Guess {
  readonly name: string;
  readonly class: number;
  readonly logit: number;
  /** Softmax over all classes. */
  readonly probability: number;
}

/** The attentions of one layer for one image. Attentions that the layer does not have are absent. */
export type LayerAttentions = { readonly [A in AttentionName]?: Float32Array<ArrayBuffer> };

/** The time of one step or stage. */
export type Time = StageTime;

/** The results of a network for an image. */
export interface Answer {
  /** The five likeliest classes, in order of probability. */
  readonly top5: readonly Guess[];
  /** By layer. */
  readonly attentions: ReadonlyMap<string, LayerAttentions>;
  /** From image to logits. */
  readonly times: readonly Time[];
}

/** What a device offers besides Executable if it can measure its own time. */
interface Profiled extends Executable {
  profile(inputs: Tensors): Promise<{ node: string; milliseconds: number }[]>;
}

/** A model that is ready to run. */
export class Network {
  private constructor(
    /** The model. */
    readonly model: Model,
    /** Its ODConv layers. */
    readonly layers: readonly DynamicLayer[],
    /** The device it runs on. */
    readonly backend: Backend,
    /** Choices that were made when the file was read, which a user should know. */
    readonly notes: readonly string[],
    private readonly executable: Executable,
    private readonly takesTemperature: boolean,
  ) {}

  /** Loads a model from an address or a dropped file. Throws what loadModel and compile throw. */
  static async load(
    source: string | File,
    backend: Backend,
    onProgress: (done: number, total: number | undefined) => void,
  ): Promise<Network> {
    let notes: readonly string[] = [];
    const model = await loadModel(source, {}, { onProgress, onFound: (found) => notes = found.notes });
    const traced = model.trace();
    const layers = attentionOutputs(traced);
    const graph = optimizeForInference(traced);
    const executable = await backend.compile(graph);
    return new Network(model, layers, backend, notes, executable, graph.inputs.has("temperature"));
  }

  /** Returns the results for an image at a temperature. */
  async ask(image: RgbImage, temperature: number): Promise<Answer> {
    const start = performance.now();
    const inputs = this.#inputs(image, temperature);
    const prepared = performance.now();
    const outputs = await this.executable.run(inputs);
    const done = performance.now();
    const probabilities = softmax(outputs.logits);
    return {
      top5: topK(outputs.logits, 5).map((score) => ({
        ...score,
        name: this.model.classNames?.[score.class] ?? `class ${score.class}`,
        probability: probabilities[score.class],
      })),
      attentions: new Map(this.layers.map((layer) => [layer.name, attentionsOf(layer, outputs)])),
      times: [
        { what: "resize and normalise", milliseconds: prepared - start },
        { what: "network", milliseconds: done - prepared },
      ],
    };
  }

  /** Returns the device's own time of each stage of the network; undefined if the device has no clock. */
  async profile(image: RgbImage, temperature: number): Promise<Time[] | undefined> {
    if (!("profile" in this.executable)) return undefined;
    try {
      const inputs = this.#inputs(image, temperature);
      const steps = await (this.executable as Profiled).profile(inputs);
      return timesByStage(steps, { has: (name) => name in inputs });
    } catch {
      return undefined; // adapters without timestamps
    }
  }

  /** Returns the n kernels of a layer, [n, Cout, Cin/groups, kh, kw]. */
  async weightOf(layer: DynamicLayer): Promise<Float32Array> {
    return await toFloat32(this.model.stateDict().get(`${layer.name}.weight`)!);
  }

  /** Frees what the network holds on the device. */
  dispose(): void {
    this.executable.dispose();
    this.model.close();
  }

  #inputs(image: RgbImage, temperature: number): Tensors {
    const x = preprocess(image, this.model.preprocessing);
    return this.takesTemperature ? { x, temperature: Float32Array.of(temperature) } : { x };
  }
}

function attentionsOf({ outputs }: DynamicLayer, answer: Tensors): LayerAttentions {
  return Object.fromEntries(Object.entries(outputs).map(([attention, output]) => [attention, answer[output]]));
}
