/**
 * A network as a list of operator nodes over values of known shape. A graph knows no device and does no I/O. Executors
 * (src/webgpu, src/cpu) run it, passes (./passes) rewrite it.
 *
 * Values are float32 and their shapes are static. Images are [B, C, H, W] as in PyTorch. The executor decides the layout in
 * the device's memory. Nodes are in topological order by construction: a node can only use values that exist already.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";

/** Extents of a tensor, outermost first. */
export type Shape = readonly number[];

/** Number of elements of a tensor. */
export function size(shape: Shape): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Where a value comes from. */
export type Source =
  /** Given to every run. If a run does not give it, `initial` is used. */
  | { readonly kind: "input"; readonly initial?: Float32Array<ArrayBuffer> }
  /** Stays on the device between runs. `load` is called once, when the graph is compiled. */
  | { readonly kind: "parameter"; readonly load: () => Promise<Float32Array<ArrayBuffer>> }
  /** Computed. */
  | { readonly kind: "node"; readonly node: Node };

/** A tensor that flows through the graph. */
export interface Value {
  /** Unique within its graph. */
  readonly id: number;
  /** Inputs and parameters: their name. Computed values: the name of the layer that computes them. */
  readonly name: string;
  /** Extents, outermost first. */
  readonly shape: Shape;
  /** Where it comes from. */
  readonly source: Source;
}

/** The named operands of a node. An optional one is left out or undefined. */
export type Operands = Readonly<Record<string, Value | undefined>>;

/** Numbers and choices fixed when the node is made (stride, groups, ...). */
export type Attributes = Readonly<Record<string, unknown>>;

/** The definition of an operator: one file of ./ops each. */
// deno-lint-ignore no-explicit-any
export interface Operator<I extends Operands = any, A extends Attributes = any> {
  /** Lower case with underscores, after PyTorch's functional name. */
  readonly name: string;
  /** The output's shape. Throws ShapeError if the operands do not fit. */
  shape(operands: I, attributes: A): Shape;
  /** Multiply-adds of one evaluation; 0 if left out. */
  madds?(operands: I, attributes: A, output: Shape): number;
  /**
   * The gradients to the operands that need one, from the gradient to the output; see ./autodiff.ts. Null if an operand
   * has none on purpose. An operator without this rule cannot be differentiated.
   */
  gradient?(backward: Backward<I, A>): { readonly [K in keyof I]?: Value | null };
}

/** The arguments of a gradient rule, and how it appends to the graph. */
export interface Backward<I extends Operands, A extends Attributes> {
  /** The operands of the node that is differentiated. */
  readonly operands: I;
  /** The attributes of the node that is differentiated. */
  readonly attributes: A;
  /** The result of the node. */
  readonly output: Value;
  /** The gradient of the loss to the output, of its shape. */
  readonly gradient: Value;
  /** Whether the gradient to this operand is needed; false for operands that were left out. */
  readonly needs: (operand: keyof I) => boolean;
  /** Appends an operator under the name of the node that is differentiated. */
  readonly apply: <J extends Operands, B extends Attributes>(
    op: Operator<J, B>,
    operands: J,
    attributes: B,
  ) => Value;
}

/** One use of an operator. */
export interface Node<O extends Operator = Operator> {
  /** Unique within its graph. */
  readonly id: number;
  /** The layer that made it ("layer1.0.conv1.attention"); names errors and profiles. */
  readonly name: string;
  /** What it computes. */
  readonly op: O;
  /** Its operands by name. */
  readonly operands: OperandsOf<O>;
  /** Its attributes. */
  readonly attributes: AttributesOf<O>;
  /** What it computes, as a value. */
  readonly output: Value;
}

/** The operand record of an operator type. */
export type OperandsOf<O> = O extends Operator<infer I, infer _A> ? I : never;
/** The attribute record of an operator type. */
export type AttributesOf<O> = O extends Operator<infer _I, infer A> ? A : never;

/** A graph under construction or finished. */
export class Graph {
  /** Every node, operands before users. */
  readonly nodes: Node[] = [];
  /** The inputs of a run, by name. */
  readonly inputs: Map<string, Value> = new Map();
  /** The tensors that stay on the device, by name. */
  readonly parameters: Map<string, Value> = new Map();
  /** The outputs of a run, by name. */
  readonly outputs: Map<string, Value> = new Map();
  /** The new values of parameters after a run, by the parameter: running statistics, weights after a training step. */
  readonly updates: Map<Value, Value> = new Map();
  #values = 0;

  /** Declares an input of every run. With `initial`, a run may leave it out. */
  input(name: string, shape: Shape, initial?: Float32Array<ArrayBuffer>): Value {
    return this.#declare(this.inputs, name, shape, { kind: "input", initial });
  }

  /** Declares a tensor that stays on the device between runs. The same name again returns the same value. */
  parameter(name: string, shape: Shape, load: () => Promise<Float32Array<ArrayBuffer>>): Value {
    const known = this.parameters.get(name);
    if (known) return known;
    return this.#declare(this.parameters, name, shape, { kind: "parameter", load });
  }

  /** Applies an operator. Throws ShapeError, naming the layer, if the operands do not fit. */
  apply<I extends Operands, A extends Attributes>(op: Operator<I, A>, name: string, operands: I, attributes: A): Value {
    let shape: Shape;
    try {
      shape = op.shape(operands, attributes);
    } catch (error) {
      if (error instanceof ShapeError) throw new ShapeError(`${name} (${op.name}): ${error.message}`);
      throw error;
    }
    const id = this.#values++;
    const source = { kind: "node" } as { kind: "node"; node: Node };
    const output: Value = { id, name, shape, source };
    source.node = { id, name, op, operands, attributes, output };
    this.nodes.push(source.node);
    return output;
  }

  /** Makes a value an output of every run, under a name. */
  output(name: string, value: Value): void {
    this.outputs.set(name, value);
  }

  /**
   * Gives the parameter a new value after every run. The run itself still sees the old value. A second call for the same
   * parameter replaces the first.
   */
  update(parameter: Value, value: Value): void {
    if (parameter.shape.join() !== value.shape.join()) {
      throw new ShapeError(
        `the update of ${parameter.name} is [${value.shape.join(", ")}], expected [${parameter.shape.join(", ")}]`,
      );
    }
    this.updates.set(parameter, value);
  }

  #declare(where: Map<string, Value>, name: string, shape: Shape, source: Source): Value {
    if (!shape.every((extent) => Number.isSafeInteger(extent) && extent > 0)) {
      throw new ShapeError(`${name} is [${shape.join(", ")}], expected whole numbers from 1 up`);
    }
    if (where.has(name)) throw new ShapeError(`the graph has an input "${name}" already; give this one another name`);
    const value: Value = { id: this.#values++, name, shape, source };
    where.set(name, value);
    return value;
  }
}

/** The operands that were not left out, in the order of declaration. */
export function presentOperands(node: Node): Value[] {
  return Object.values(node.operands as Operands).filter((v) => v !== undefined);
}

/** How often each value is used, outputs of the graph included. */
export function countUses(graph: Graph): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (v: Value) => uses.set(v, (uses.get(v) ?? 0) + 1);
  for (const node of graph.nodes) presentOperands(node).forEach(use);
  for (const value of graph.outputs.values()) use(value);
  for (const value of graph.updates.values()) use(value);
  return uses;
}
