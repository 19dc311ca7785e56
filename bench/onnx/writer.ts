/**
 * Builds an ONNX model from nodes, initial tensors, inputs and outputs of float32, by name. Field numbers are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 *
 * @module
 */

import { type Bytes, bytes, float, integer, join, message, string } from "./protobuf.ts";

/** Versions of the format and of the operators. What this module writes means the same in all later versions. */
const IR_VERSION = 8;
const OPSET = 13;

const FLOAT = 1;
const INT64 = 7;

/** AttributeProto: the field of a value and the number of its type. */
const ATTRIBUTE = { float: { field: 2, type: 1 }, int: { field: 3, type: 2 }, ints: { field: 8, type: 7 } } as const;

/** An operator's attributes: a list of whole numbers, a whole number, or a real number as `{ float }`. */
export type OnnxAttributes = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;

/** Collects a model; {@link OnnxWriter.finish} returns the file. */
export class OnnxWriter {
  readonly #nodes: Bytes[] = [];
  readonly #initializers: Bytes[] = [];
  readonly #inputs: Bytes[] = [];
  readonly #outputs: Bytes[] = [];
  #names = 0;

  /** Declares an input. */
  input(name: string, shape: readonly number[]): void {
    this.#inputs.push(message(11, ...valueInfo(name, shape)));
  }

  /** Declares an output. */
  output(name: string, shape: readonly number[]): void {
    this.#outputs.push(message(12, ...valueInfo(name, shape)));
  }

  /** Adds a tensor of float32 or, from whole numbers, of int64; returns its name. */
  tensor(values: Float32Array<ArrayBuffer> | readonly number[], shape: readonly number[]): string {
    const name = `t${this.#names++}`;
    const floats = values instanceof Float32Array;
    const { buffer, byteOffset, byteLength } = floats ? values : BigInt64Array.from(values.map(BigInt));
    this.#initializers.push(message(
      5,
      ...shape.map((extent) => integer(1, extent)),
      integer(2, floats ? FLOAT : INT64),
      string(8, name),
      bytes(9, [new Uint8Array(buffer, byteOffset, byteLength)]),
    ));
    return name;
  }

  /** Adds a node; returns the name of its result, which is `output` if given. The name of an absent input is "". */
  node(op: string, inputs: readonly string[], attributes: OnnxAttributes = {}, output = `t${this.#names++}`): string {
    this.#nodes.push(message(
      1,
      ...inputs.map((name) => string(1, name)),
      string(2, output),
      string(4, op),
      ...Object.entries(attributes).map(([name, value]) => message(5, string(1, name), ...attribute(value))),
    ));
    return output;
  }

  /** Returns the file. */
  finish(): Uint8Array<ArrayBuffer> {
    const graph = [...this.#nodes, string(2, "graph"), ...this.#initializers, ...this.#inputs, ...this.#outputs];
    return join(integer(1, IR_VERSION), message(7, ...graph), message(8, integer(2, OPSET)));
  }
}

function attribute(value: OnnxAttributes[string]): Bytes[] {
  if (typeof value === "number") return [integer(ATTRIBUTE.int.field, value), integer(20, ATTRIBUTE.int.type)];
  if ("float" in value) return [float(ATTRIBUTE.float.field, value.float), integer(20, ATTRIBUTE.float.type)];
  return [...value.map((v) => integer(ATTRIBUTE.ints.field, v)), integer(20, ATTRIBUTE.ints.type)];
}

function valueInfo(name: string, shape: readonly number[]): Bytes[] {
  const dimensions = shape.map((extent) => message(1, integer(1, extent)));
  return [string(1, name), message(2, message(1, integer(1, FLOAT), message(2, ...dimensions)))];
}
