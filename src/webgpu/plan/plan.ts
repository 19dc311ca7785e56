/**
 * The types of a plan: its contents, the device limits that it is made for, and what kernels can request during
 * planning.
 *
 * @module
 */

import type { Node, Value } from "../../graph/graph.ts";
import type { Formula } from "./formula.ts";
import type { Dispatch, Resource } from "./kernel.ts";
import type { Variant } from "./variant.ts";

/**
 * The kind of an adapter, for guesses of its speed. "software" is a driver that runs on CPU cores. "hardware" is a real
 * GPU.
 */
export type Profile = "software" | "hardware";

/** The format of numbers in memory. All computation is in float32. */
export type Precision = "float32" | "float16";

/** What planning needs to know about a device. */
export interface Capabilities {
  /** The kind of adapter that guesses are for. */
  readonly profile: Profile;
  /** Most bytes of one storage binding. */
  readonly maxBindingBytes: number;
  /** Most bytes of one buffer. */
  readonly maxBufferBytes: number;
  /** Most workgroups of a dispatch along one dimension. */
  readonly maxWorkgroups: number;
  /** Most texels of one operand texture. */
  readonly maxTextureTexels: number;
  /** The memory from which kernels read operands that they reuse. See {@link PlanContext.operand}. */
  readonly operands: "buffer" | "texture";
  /** Whether kernels may use Winograd's algorithm, which is faster and less precise. */
  readonly winograd: boolean;
  /** The format of constant convolution weights in memory. */
  readonly precision: Precision;
  /** The smallest subgroup size of the device. Undefined if kernels cannot use subgroups. */
  readonly subgroups?: number;
  /** Storage buffers that one kernel may bind. */
  readonly storageBuffers: number;
  /** Limits of a workgroup. */
  readonly workgroup: {
    /** Bytes of shared memory. */
    readonly bytes: number;
    /** Invocations, in total and along one dimension. */
    readonly invocations: number;
  };
}

/** A parameter's resource and the function that fills it. */
export interface Upload {
  /** The resource to fill. */
  readonly resource: Resource;
  /** Writes the row-major tensor to `out` in the resource's layout. `out` is zero before. */
  readonly pack: (data: Float32Array, out: Float32Array) => void;
}

/** Numbers that are part of the plan. */
export interface Constant {
  /** The resource to fill. */
  readonly resource: Resource;
  /** The data: as many numbers as the resource holds, in whole rows if it is a texture. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** One step of a run. `node` is the layer's name. `of` is the graph's node that the step computes, if any. */
export type Step =
  | { readonly kind: "dispatch"; readonly node: string; readonly of?: Node; readonly dispatch: Dispatch }
  | {
    readonly kind: "copy";
    readonly node: string;
    readonly of?: Node;
    readonly from: Resource;
    readonly to: Resource;
  };

/** A row-major input or output of the graph, in a buffer of single numbers. */
export interface Border {
  /** The graph's value. */
  readonly value: Value;
  /** The buffer, row-major float32. */
  readonly resource: Resource;
}

/** A complete plan of a run. */
export interface Plan {
  /** The steps in the order of execution. */
  readonly steps: readonly Step[];
  /** Every resource. */
  readonly resources: readonly Resource[];
  /** The uploads of each parameter, done when it is loaded. */
  readonly uploads: ReadonlyMap<Value, readonly Upload[]>;
  /** Data to upload once. */
  readonly constants: readonly Constant[];
  /** Inputs by name. */
  readonly inputs: ReadonlyMap<string, Border>;
  /** Outputs by name. */
  readonly outputs: ReadonlyMap<string, Border>;
  /** Parameters by name. */
  readonly parameters: ReadonlyMap<string, Value>;
  /**
   * The resources of parameters that runs update, in blocks of four channels. Other parameters keep their uploaded
   * values.
   */
  readonly updated: ReadonlyMap<Value, Resource>;
}

/** What a kernel's planning function can use. */
export interface PlanContext {
  /** The limits and features of the device. */
  readonly capabilities: Capabilities;
  /** Returns the value in the blocked layout. For kernels that read it once or twice. */
  read(value: Value): Resource;
  /**
   * Returns the value in the memory that is fastest for repeated reads. This is a storage texture if textures are
   * faster and the value fits, else the storage buffer. A texture costs one copy a run, however many kernels use it.
   */
  operand(value: Value): Resource;
  /**
   * The same for a resource that earlier dispatches of this node wrote. Call it after {@link emit} of those dispatches.
   */
  operandOf(resource: Resource): Resource;
  /**
   * Returns a value in the layout of a kernel. `key` names the layout; requests for one value with equal keys share the
   * work. Constant parameters are laid out when they are uploaded. Computed values, inputs and parameters that runs
   * update are laid out on the device in every run. Constants may be stored with less precision than float32.
   */
  packed(value: Value, key: string, texels: number, pack: Upload["pack"], precision?: Precision): Resource;
  /** Whether a value is the same in every run: a parameter that no run updates. */
  isConstant(value: Value): boolean;
  /** All nodes of the graph. A kernel may plan another node together with its own. */
  readonly nodes: readonly Node[];
  /** Whether a value is already computed, or is deferred and will be computed on request. */
  isPlanned(value: Value): boolean;
  /** Returns the chosen variant of the node, one of variantsOf. For operators that have several. */
  variant(node: Node): Variant;
  /** Returns the nodes that take a value as an operand. */
  users(value: Value): readonly Node[];
  /** Whether a value is an output of runs or the next value of a parameter. */
  isAnswer(value: Value): boolean;
  /**
   * Returns the resource for the node's result. With `over`, this is the parameter's own resource, if the result
   * replaces the parameter and nothing reads the parameter later. Pass `over` only if the kernel reads each number only
   * where it writes it.
   */
  output(node: Node, over?: Value): Resource;
  /** Adds numbers to the plan. Returns their buffer. */
  constant(label: string, data: Float32Array<ArrayBuffer>): Resource;
  /** Returns memory that only this node uses. */
  scratch(label: string, texels: number): Resource;
  /**
   * Defers a node until its result is read. This is done if only one other node takes the result, or if computing it
   * again in each user is cheaper than reading it. Users may {@link take} the formula into their own kernel. Returns
   * whether the node was deferred.
   */
  defer(node: Node, formula: Formula): boolean;
  /** Returns the formula of a value that was deferred and is not in memory. */
  deferred(value: Value): Formula | undefined;
  /**
   * Returns the formula of a value, whether or not the value is in memory. Returns undefined if it has none or if one
   * of its operands was overwritten.
   */
  formula(value: Value): Formula | undefined;
  /** Marks a deferred value as part of other nodes' kernels. It then needs no memory. */
  take(value: Value): void;
  /** Appends a dispatch. */
  emit(dispatch: Dispatch): void;
  /** Lets the node's result share its operand's memory. Both must be the same numbers in the same layout. */
  alias(node: Node, value: Value): void;
}

/** Plans the dispatches of one node. */
export type Kernel<N extends Node = Node> = (node: N, context: PlanContext) => void;
