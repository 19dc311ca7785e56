/**
 * Finds the numbers in a checkpoint that are none.
 *
 * @module
 */

import { isFloat, toFloat32 } from "./float32.ts";
import type { StateDict, Tensor } from "./state_dict.ts";

/** How many elements of a tensor are NaN or infinite. */
export interface NonFinite {
  /** The tensor's name. */
  readonly name: string;
  /** At least one. */
  readonly count: number;
  /** Elements in all. */
  readonly of: number;
}

/**
 * The same tensors, looked at whenever they are read: a tensor with NaN or infinite elements is told to `onFound`. Float64
 * beyond float32 counts as infinite, since float32 is what networks compute in.
 */
export function watchFinite(tensors: StateDict, onFound: (found: NonFinite) => void): StateDict {
  return new Map(
    [...tensors].map(([name, tensor]) => [name, isFloat(tensor.dtype) ? watch(name, tensor, onFound) : tensor]),
  );
}

function watch(name: string, tensor: Tensor, onFound: (found: NonFinite) => void): Tensor {
  const { dtype, shape } = tensor;
  return {
    dtype,
    shape,
    async read() {
      const bytes = await tensor.read();
      const values = await toFloat32({ dtype, shape, read: () => Promise.resolve(bytes) });
      let count = 0;
      for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
      if (count) onFound({ name, count, of: values.length });
      return bytes;
    },
  };
}
