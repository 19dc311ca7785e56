/**
 * Converts floating-point tensors to float32 for computing, and between floating-point types for writing.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { toFloat16 } from "../../float16.ts";
import { remedyFor } from "./remedy.ts";
import type { DType, Tensor } from "./state_dict.ts";

/** Converts the bytes of each floating-point type to an array of numbers. */
const VIEWS: Readonly<Partial<Record<DType, (bytes: Uint8Array<ArrayBuffer>) => ArrayLike<number>>>> = {
  F64: (bytes) => new Float64Array(aligned(bytes, 8)),
  F32: (bytes) => new Float32Array(aligned(bytes, 4)),
  F16: (bytes) => new Float16Array(aligned(bytes, 2)),
  BF16: (bytes) => fromBfloat16(new Uint16Array(aligned(bytes, 2))),
};

/** Returns whether elements of this type are floating-point numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype in VIEWS;
}

/**
 * Returns a tensor's elements as float32.
 *
 * @throws {CheckpointError} if it holds integers or booleans
 */
export async function toFloat32(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  const values = view(tensor, await tensor.read());
  return values instanceof Float32Array ? values as Float32Array<ArrayBuffer> : new Float32Array(values);
}

/**
 * Returns the tensor with its floating-point elements in another type. They are rounded to nearest, ties to even. The
 * conversion happens when the tensor is read. Integers and booleans do not change. Reading throws CheckpointError if a
 * finite number is out of range for float16. `name` is for that message.
 */
export function cast(name: string, tensor: Tensor, dtype: "F32" | "F16"): Tensor {
  if (tensor.dtype === dtype || !isFloat(tensor.dtype)) return tensor;
  return {
    dtype,
    shape: tensor.shape,
    async read() {
      const values = view(tensor, await tensor.read());
      const converted = dtype === "F32"
        ? new Float32Array(values)
        : toFloat16(name, values, (message) => new CheckpointError(message));
      return new Uint8Array(converted.buffer as ArrayBuffer);
    },
  };
}

function view(tensor: Tensor, bytes: Uint8Array<ArrayBuffer>): ArrayLike<number> {
  const make = VIEWS[tensor.dtype];
  if (!make) {
    const remedy = remedyFor(tensor);
    throw new CheckpointError(
      `a floating-point tensor is needed (F16, BF16, F32 or F64), this one is ${tensor.dtype}${
        remedy ? `: ${remedy}` : ""
      }`,
    );
  }
  return make(bytes);
}

/** Returns a buffer that a typed array can view. The bytes are copied only if they are not aligned. */
function aligned(bytes: Uint8Array<ArrayBuffer>, width: number): ArrayBuffer {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength &&
    bytes.byteLength % width === 0;
  return whole ? bytes.buffer : bytes.slice().buffer;
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}
