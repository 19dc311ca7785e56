/**
 * What a plan is, what it is made for, and what kernels may ask for while they are planned.
 *
 * @module
 */

import type { Node, Value } from "../../graph/graph.ts";
import type { Formula } from "./formula.ts";
import type { Dispatch, Resource } from "./kernel.ts";
import type { Variant } from "./variant.ts";

/**
 * What an adapter is, for guesses of what is fast on it: "software" is a driver that runs on the CPU's cores, "hardware" a
 * real GPU.
 */
export type Profile = "software" | "hardware";

/** Numbers in memory; computing is in float32. */
export type Precision = "float32" | "float16";

/** What planning needs to know of a device. */
export interface Capabilities {
  /** Whose habits the guesses follow. */
  readonly profile: Profile;
  /** Most bytes of one storage binding. */
  readonly maxBindingBytes: number;
  /** Most bytes of one buffer. */
  readonly maxBufferBytes: number;
  /** Most workgroups of a dispatch along one dimension. */
  readonly maxWorkgroups: number;
  /** Most texels of one operand texture. */
  readonly maxTextureTexels: number;
  /** Where kernels that reuse their operands read them from; see docs of {@link PlanContext.operand}. */
  readonly operands: "buffer" | "texture";
  /** Whether kernels may trade digits for speed by Winograd's algorithm. */
  readonly winograd: boolean;
  /** How weights of convolutions are kept that no run changes. */
  readonly precision: Precision;
  /** The smallest subgroup that the device forms; undefined where kernels cannot share by subgroups. */
  readonly subgroups?: number;
  /** Storage buffers that one kernel may bind. */
  readonly storageBuffers: number;
  /** What a workgroup may have. */
  readonly workgroup: {
    /** Bytes of shared memory. */
    readonly bytes: number;
    /** Invocations, also along one dimension. */
    readonly invocations: number;
  };
}

/** A parameter's place on the device and how to fill it. */
export interface Upload {
  /** Where it goes. */
  readonly resource: Resource;
  /** Lays the row-major tensor out in `out`, which is zero. */
  readonly pack: (data: Float32Array, out: Float32Array) => void;
}

/** Numbers that a plan brings along. */
export interface Constant {
  /** Where they go. */
  readonly resource: Resource;
  /** As many as the resource holds, whole texture rows where it is a texture. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** One thing a run does, in order; `node` is the layer, `of` what it computes of the graph, if anything. */
export type Step =
  | { readonly kind: "dispatch"; readonly node: string; readonly of?: Node; readonly dispatch: Dispatch }
  | {
    readonly kind: "copy";
    readonly node: string;
    readonly of?: Node;
    readonly from: Resource;
    readonly to: Resource;
  };

/** A row-major tensor at the border: a buffer of plain numbers. */
export interface Border {
  /** The graph's value. */
  readonly value: Value;
  /** Row-major float32. */
  readonly resource: Resource;
}

/** Everything a run does and needs. */
export interface Plan {
  /** In the order of execution. */
  readonly steps: readonly Step[];
  /** Every resource. */
  readonly resources: readonly Resource[];
  /** What to upload when a parameter is loaded, by parameter. */
  readonly uploads: ReadonlyMap<Value, readonly Upload[]>;
  /** What to upload once. */
  readonly constants: readonly Constant[];
  /** Inputs by name. */
  readonly inputs: ReadonlyMap<string, Border>;
  /** Outputs by name. */
  readonly outputs: ReadonlyMap<string, Border>;
  /** Parameters by name. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Where the parameters that runs update lie, in blocks of four channels; the others hold what was uploaded. */
  readonly updated: ReadonlyMap<Value, Resource>;
}

/** What a kernel's planning function may ask for. */
export interface PlanContext {
  /** The device. */
  readonly capabilities: Capabilities;
  /** The value in the blocked layout, for kernels that read it once or twice. */
  read(value: Value): Resource;
  /**
   * The value where the device reads it fastest over and over: a storage texture where those win and it fits, else the
   * storage buffer. Costs one copy a run, however many kernels ask.
   */
  operand(value: Value): Resource;
  /** The same for a resource that this node's earlier dispatches wrote. Call after pushing them with {@link emit}. */
  operandOf(resource: Resource): Resource;
  /**
   * A value laid out for a kernel. `key` names the layout: equal keys of one value share the work. Parameters are laid
   * out when they are uploaded; in every run, on the device, are computed values, inputs and parameters that runs update.
   * Constants may be kept in less than float32.
   */
  packed(value: Value, key: string, texels: number, pack: Upload["pack"], precision?: Precision): Resource;
  /** Whether a value is the same in every run: a parameter that no run updates. */
  isConstant(value: Value): boolean;
  /** The nodes of the graph: a kernel may plan another node with its own. */
  readonly nodes: readonly Node[];
  /** Whether a value is there already, or will be whenever it is asked for. */
  isPlanned(value: Value): boolean;
  /** The way to compute the node, of those that variantsOf offers; for operators that have several. */
  variant(node: Node): Variant;
  /** The nodes that take a value. */
  users(value: Value): readonly Node[];
  /** Whether runs answer a value or keep it as a parameter's next. */
  isAnswer(value: Value): boolean;
  /**
   * The resource that holds the node's result. With `over`, that of this parameter, if it is what the result replaces and
   * nothing reads it later: for kernels that read every number only where they write it.
   */
  output(node: Node, over?: Value): Resource;
  /** Numbers that the plan brings along, in a buffer. */
  constant(label: string, data: Float32Array<ArrayBuffer>): Resource;
  /** Memory for this node only. */
  scratch(label: string, texels: number): Resource;
  /**
   * Puts a node off until its result is read, where only one other node takes it, or those that do had better compute it
   * again than read it: they may {@link take} the formula and make it part of their own. Answers whether it did.
   */
  defer(node: Node, formula: Formula): boolean;
  /** The formula of a value that was put off, and is nowhere in memory. */
  deferred(value: Value): Formula | undefined;
  /** The formula of a value, in memory or not, if it has one whose operands still hold what they held. */
  formula(value: Value): Formula | undefined;
  /** Says that what a value holds has become part of other nodes' kernels: it needs no memory. */
  take(value: Value): void;
  /** Appends a dispatch. */
  emit(dispatch: Dispatch): void;
  /** Lets the node's result be its operand's memory: it is the same numbers in the same layout. */
  alias(node: Node, value: Value): void;
}

/** Plans the dispatches of one node. */
export type Kernel<N extends Node = Node> = (node: N, context: PlanContext) => void;
