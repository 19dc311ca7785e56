/**
 * Layers: a tree of modules that own parameters under PyTorch's names and emit operators into a graph.
 *
 * A module finds its children by name at every trace. So a tree can be edited (a Conv2d replaced by an ODConv2d), and the
 * parent needs no notice.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";
import type { StateDict, Tensor } from "../checkpoint/tensors/state_dict.ts";
import { toFloat32 } from "../checkpoint/tensors/float32.ts";
import { remap, type TensorSpec } from "../checkpoint/remapping/remap.ts";
import { Graph, type Operands, type Operator, type Shape, size, type Value } from "../graph/graph.ts";
import type { Initializer } from "./init.ts";

/** A trainable tensor or a buffer of a module: one entry of a state dict. */
export interface Parameter {
  /** Extents, outermost first. */
  readonly shape: Shape;
  /** float32; int64 only for num_batches_tracked. */
  readonly dtype: "F32" | "I64";
  /** False for buffers (running statistics), which no optimizer changes. */
  readonly trainable: boolean;
  /** The values before any checkpoint is loaded. */
  readonly initial: Initializer;
  /** The values, once a checkpoint is loaded. */
  tensor?: Tensor;
}

/** The argument of a module's forward: the graph under construction and the module's own name in the tree. */
export class Trace {
  /** The graph that operators are added to. */
  readonly graph: Graph;
  /** The module's path, "" for the root: "layer1.0.conv1". */
  readonly path: string;
  readonly #module: Module;
  readonly #options: TraceOptions;

  /** traceModule and call make it. A program does not need to. */
  constructor(graph: Graph, path: string, module: Module, options: TraceOptions) {
    this.graph = graph;
    this.path = path;
    this.#module = module;
    this.#options = options;
  }

  /** Runs the child of that name. Throws ShapeError if there is none. */
  call(name: string, x: Value): Value {
    const trace = this.child(name);
    return trace.#module.forward(trace, x);
  }

  /** The trace for the child of that name. Throws ShapeError if there is none. */
  child(name: string): Trace {
    const module = this.#module.children.get(name);
    if (!module) throw new ShapeError(`${this.path || "the model"} has no child "${name}"`);
    return new Trace(this.graph, join(this.path, name), module, this.#options);
  }

  /** The module's own parameter or buffer, as a value of the graph. */
  parameter(name: string): Value {
    const path = join(this.path, name);
    const parameter = this.#module.parameters.get(name);
    if (!parameter) throw new ShapeError(`${this.path || "the model"} has no parameter "${name}"`);
    return this.graph.parameter(path, parameter.shape, () => loadParameter(path, parameter, this.#options.seed ?? 0));
  }

  /** Applies an operator under the module's name. */
  apply<I extends Operands, A extends Record<string, unknown>>(op: Operator<I, A>, operands: I, attributes: A): Value {
    return this.graph.apply(op, this.path, operands, attributes);
  }

  /** The temperature of every attention: a scalar input of the graph, so it can change between runs. */
  temperature(): Value {
    return this.scalar("temperature", this.#options.temperature ?? 1);
  }

  /** An input of the graph of shape [1], shared by all layers that ask for it; `initial` if a run does not give it. */
  scalar(name: string, initial: number): Value {
    return this.graph.inputs.get(name) ?? this.graph.input(name, [1], Float32Array.of(initial));
  }

  /** Whether this is for training: dropout drops. */
  get training(): boolean {
    return this.#options.training ?? false;
  }

  /** Whether this module, a batch norm, takes its statistics from the batch and updates its running ones. */
  get batchStatistics(): boolean {
    return this.training && !this.#options.frozenStatistics?.(this.path);
  }

  /** The module's own buffer, as the forward pass has left it so far. */
  buffer(name: string): Value {
    const buffer = this.parameter(name);
    return this.graph.updates.get(buffer) ?? buffer;
  }

  /** Gives the module's own buffer a new value after the run. */
  update(name: string, value: Value): void {
    this.graph.update(this.parameter(name), value);
  }
}

/** Options of a trace. */
export interface TraceOptions {
  /** The temperature of all attentions, if a run does not give another; 1 if left out. */
  readonly temperature?: number;
  /** The seed of the initial values of parameters that are in no checkpoint; 0 if left out. */
  readonly seed?: number;
  /**
   * Whether batch norms use the batch's statistics and update their running ones, and dropout drops; false if left out.
   * If there is dropout, the graph then has the inputs "dropout_seed" and "dropout_step". Both are whole numbers below
   * 2^24. The second one must be different for every forward pass.
   */
  readonly training?: boolean;
  /** Batch norms, by path, whose running statistics are used and kept in training too; none if left out. */
  readonly frozenStatistics?: (path: string) => boolean;
}

/**
 * torch.nn.Module: a layer, or a tree of layers.
 *
 * @example Iterate and print a network
 * ```ts
 * import { Conv2d, ReLU, Sequential } from "@odconv/odconv";
 *
 * const network = new Sequential(new Conv2d(3, 8, 3, { padding: 1 }), new ReLU());
 * console.log(String(network)); // as PyTorch prints it; console.log(network) prints the same
 * for (const [name, { shape }] of network.namedParameters()) console.log(name, shape); // 0.weight [8, 3, 3, 3], 0.bias [8]
 * console.log(network.countParameters()); // 224
 * ```
 */
export abstract class Module {
  /** By name, in the order of registration, which is the order of the state dict. */
  readonly children: Map<string, Module> = new Map();
  /** The module's own parameters and buffers, in the order of the state dict. */
  readonly parameters: Map<string, Parameter> = new Map();

  /** Adds the layer's operators to the graph and returns its output. */
  abstract forward(trace: Trace, x: Value): Value;

  /**
   * Every module of the tree with its path, parents first: torch.nn.Module.named_modules.
   *
   * @param path Of this module; "" if it is the root.
   */
  *namedModules(path = ""): Generator<[path: string, module: Module]> {
    yield [path, this];
    for (const [name, child] of this.children) yield* child.namedModules(join(path, name));
  }

  /** The direct children with their names, in the order of registration: torch.nn.Module.named_children. */
  namedChildren(): IterableIterator<[name: string, module: Module]> {
    return this.children.entries();
  }

  /** Every trainable parameter of the tree with its name in the state dict: torch.nn.Module.named_parameters. */
  *namedParameters(): Generator<[name: string, parameter: Parameter]> {
    for (const entry of this.namedTensors()) if (entry[1].trainable) yield entry;
  }

  /** Every buffer of the tree, such as running statistics, with its name: torch.nn.Module.named_buffers. */
  *namedBuffers(): Generator<[name: string, buffer: Parameter]> {
    for (const entry of this.namedTensors()) if (!entry[1].trainable) yield entry;
  }

  /** Every parameter and every buffer of the tree with its name, in the order of PyTorch's state dict. */
  *namedTensors(): Generator<[name: string, tensor: Parameter]> {
    for (const [path, each] of this.namedModules()) {
      for (const [name, parameter] of each.parameters) yield [join(path, name), parameter];
    }
  }

  /** Number of trainable values in the tree. */
  countParameters(): number {
    return [...this.namedParameters()].reduce((n, [, { shape }]) => n + size(shape), 0);
  }

  /** Names, shapes and types of the state dict, in PyTorch's order. */
  stateDictSpec(): readonly TensorSpec[] {
    return [...this.namedTensors()].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
  }

  /**
   * The tensors of the tree under PyTorch's names, in PyTorch's order: torch.nn.Module.state_dict. They are what the module
   * holds now. Later loading or training does not change them. The caller owns the map.
   */
  stateDict(): StateDict {
    return new Map([...this.namedTensors()].map(([name, parameter]) => [name, tensorOf(name, parameter)]));
  }

  /**
   * Takes over the tensors, which are read when they are needed: torch.nn.Module.load_state_dict with strict=True.
   *
   * @param tensors By name. Batch norm's counters may be missing.
   * @param source The name of the tensors in errors.
   * @throws {CheckpointError} if a tensor is missing, unexpected, or of another shape or type. The module is unchanged
   * then.
   */
  loadStateDict(tensors: StateDict, source: string = "the state dict"): void {
    const mapped = remap(tensors, this.stateDictSpec(), source);
    for (const [name, parameter] of this.namedTensors()) parameter.tensor = mapped.get(name);
  }

  /** The tree as PyTorch prints it: "Sequential(\n  (0): ReLU()\n)". */
  toString(): string {
    const children = [...this.children].map(([name, child]) => `(${name}): ${child}`.replaceAll("\n", "\n  "));
    const own = this.extraRepr();
    if (!children.length) return `${this.constructor.name}(${own})`;
    return `${this.constructor.name}(\n  ${[...(own ? [own] : []), ...children].join("\n  ")}\n)`;
  }

  /** The text that console.log prints in Deno and Node: {@link toString}. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** The text between the parentheses, as PyTorch's extra_repr: the arguments of the layer. */
  protected extraRepr(): string {
    return "";
  }

  /** Adds a child and returns the module itself. */
  protected register(name: string, child: Module): this {
    this.children.set(name, child);
    return this;
  }

  /** Adds a trainable parameter. */
  protected registerParameter(name: string, shape: Shape, initial: Initializer): void {
    this.parameters.set(name, { shape, dtype: "F32", trainable: true, initial });
  }

  /** Adds a tensor that is saved but not trained. */
  protected registerBuffer(name: string, shape: Shape, initial: Initializer, dtype: "F32" | "I64" = "F32"): void {
    this.parameters.set(name, { shape, dtype, trainable: false, initial });
  }
}

/** Emits a module into a new graph: input "x" of the given shape, output "logits". */
export function traceModule(module: Module, shape: Shape, options: TraceOptions = {}): Graph {
  const graph = new Graph();
  const x = graph.input("x", shape);
  graph.output("logits", module.forward(new Trace(graph, "", module, options), x));
  return graph;
}

/** The values of a parameter as float32: the checkpoint's, or else the initial ones. */
export function loadParameter(name: string, parameter: Parameter, seed: number): Promise<Float32Array<ArrayBuffer>> {
  if (parameter.tensor) return toFloat32(parameter.tensor);
  return Promise.resolve(parameter.initial(parameter.shape, `${seed}/${name}`));
}

/** What a parameter holds now, as float32 or int64. */
function tensorOf(name: string, { dtype, shape, tensor, ...rest }: Parameter): Tensor {
  // A tensor of its type is returned itself, so that reads of a copy of a copy do not chain.
  if (tensor?.dtype === dtype) return tensor;
  const read = async () => {
    if (dtype === "I64") return new Uint8Array(8);
    return new Uint8Array((await loadParameter(name, { dtype, shape, tensor, ...rest }, 0)).buffer);
  };
  return { dtype, shape, read };
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}
