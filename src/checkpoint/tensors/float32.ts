/**
 * Floating-point tensors as float32 for computing, and casts between the floating-point types for writing.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { toFloat16 } from "../../float16.ts";
import { remedyFor } from "./remedy.ts";
import type { DType, Tensor } from "./state_dict.ts";

/** How the elements of each floating-point type are viewed as numbers. */
const VIEWS: Readonly<Partial<Record<DType, (bytes: Uint8Array<ArrayBuffer>) => ArrayLike<number>>>> = {
  F64: (bytes) => new Float64Array(aligned(bytes, 8)),
  F32: (bytes) => new Float32Array(aligned(bytes, 4)),
  F16: (bytes) => new Float16Array(aligned(bytes, 2)),
  BF16: (bytes) => fromBfloat16(new Uint16Array(aligned(bytes, 2))),
};

/** Whether elements of this type are floating-point numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype in VIEWS;
}

/** A tensor's elements as float32. Throws CheckpointError where it holds integers or booleans. */
export async function toFloat32(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  const values = view(tensor, await tensor.read());
  return values instanceof Float32Array ? values as Float32Array<ArrayBuffer> : new Float32Array(values);
}

/**
 * The tensor with its floating-point elements in another type, rounded to the nearest, ties to even; converted when it
 * is read. Integers and booleans stay what they are. Reading throws CheckpointError where a finite number is beyond
 * float16. `name` is for that message.
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

/** The bytes in a buffer of their own that a typed array can lie over; copied only where they are not aligned. */
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
