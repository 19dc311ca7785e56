/**
 * The results of PyTorch's functions that rebuild tensors: tensors with elements in the file (StridedTensor, NumPy
 * arrays), and tensors whose elements cannot be read.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import type { DType, Tensor } from "../tensors/state_dict.ts";

/**
 * Maximum number of a tensor's dimensions, PyTorch's own limit. One list in a pickle may be the shape of a million
 * tensors.
 */
export const MAX_AXES = 64;

/** A tensor in a pickle. */
export abstract class TorchTensor implements Tensor {
  abstract readonly dtype: DType;
  abstract readonly shape: readonly number[];
  readonly unreadable?: string;
  abstract read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A tensor that is not a sequence of plain numbers in the file. */
export class UnreadableTensor extends TorchTensor {
  /** If DType does not have the tensor's dtype, pass the type of its bytes. */
  constructor(
    readonly dtype: DType,
    readonly shape: readonly number[],
    /** Why it cannot be read, and what to do about it in PyTorch. */
    override readonly unreadable: string,
  ) {
    super();
  }

  read(): Promise<never> {
    return Promise.reject(new CheckpointError(this.unreadable));
  }
}
