/**
 * What PyTorch's functions that rebuild tensors make here: tensors whose elements lie in the file (StridedTensor, numpy
 * arrays), and tensors whose elements cannot be read.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import type { DType, Tensor } from "../tensors/state_dict.ts";

/** Axes that a tensor may have: PyTorch's own limit. A list in a pickle may be the shape of a million tensors. */
export const MAX_AXES = 64;

/** A tensor in a pickle. */
export abstract class TorchTensor implements Tensor {
  abstract readonly dtype: DType;
  abstract readonly shape: readonly number[];
  readonly unreadable?: string;
  abstract read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A tensor that is no run of plain numbers in the file. */
export class UnreadableTensor extends TorchTensor {
  /** For a dtype without a name here, that of its bytes. */
  constructor(
    readonly dtype: DType,
    readonly shape: readonly number[],
    /** Why, and what to do about it in PyTorch. */
    override readonly unreadable: string,
  ) {
    super();
  }

  read(): Promise<never> {
    return Promise.reject(new CheckpointError(this.unreadable));
  }
}
