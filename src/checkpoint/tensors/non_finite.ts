/**
 * Finds NaN and infinite numbers in a checkpoint.
 *
 * @module
 */

import { isFloat, toFloat32 } from "./float32.ts";
import type { StateDict, Tensor } from "./state_dict.ts";

/** The number of NaN or infinite elements in a tensor. */
export interface NonFinite {
  /** The tensor's name. */
  readonly name: string;
  /** Number of such elements, at least one. */
  readonly count: number;
  /** Number of all elements. */
  readonly of: number;
}

/**
 * Returns the same tensors, but checks each one when it is read. Calls `onFound` for a tensor with NaN or infinite
 * elements. A float64 out of float32's range counts as infinite, because networks compute in float32.
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
