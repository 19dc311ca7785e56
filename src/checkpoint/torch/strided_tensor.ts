/**
 * PyTorch's tensors as views of its storages. A storage is a sequence of elements in the file. A tensor is an offset, a
 * shape and strides into it. Several tensors may share one storage.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { conjugated, hasSigns, negated } from "./signs.ts";
import { type DType, DTYPE_BYTES } from "../tensors/state_dict.ts";
import { TorchTensor } from "./tensor.ts";

/** A storage in a file. */
export interface Storage {
  /** The file and the storage's key in it, for messages. */
  readonly name: string;
  /** Element type. */
  readonly dtype: DType;
  /** Number of its elements, as claimed by the pickle. */
  readonly length: number;
  /** Reads a range of its bytes. Throws CheckpointError if the file does not have them. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Changes to the elements when they are read. */
export interface Signs {
  /** PyTorch's negative bit: negate every element. */
  readonly negative?: boolean;
  /** PyTorch's conjugate bit: negate every imaginary part. */
  readonly conjugate?: boolean;
}

/** The result of `torch._utils._rebuild_tensor*`. */
export class StridedTensor extends TorchTensor {
  /** Checks the numbers against the storage. Throws CheckpointError if they point outside of it. */
  constructor(
    readonly storage: Storage,
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    /** Offset of the first element, in elements of the tensor's type. */
    readonly offset: number,
    readonly signs: Signs = {},
  ) {
    super();
    const { name } = storage;
    // An untyped storage counts bytes.
    const length = Math.floor(storage.length * DTYPE_BYTES[storage.dtype] / DTYPE_BYTES[dtype]);
    const span = spanOf(shape, strides);
    const numbers = [offset, span, ...shape, ...strides];
    if (shape.length !== strides.length || numbers.some((n) => !Number.isSafeInteger(n) || n < 0)) {
      throw new CheckpointError(
        `${name}: a tensor of shape ${excerpt(shape)}, strides ${excerpt(strides)} and offset ${offset} is not one`,
      );
    }
    if (offset + span > length) {
      throw new CheckpointError(
        `${name}: a tensor of shape ${excerpt(shape)} uses elements ${offset} to ${offset + span} of ${length}`,
      );
    }
    const count = countOf(shape);
    if (!(count <= Math.max(length, MAX_BROADCAST))) {
      throw new CheckpointError(`${name}: a tensor of ${count} elements is made of only ${length}; save it contiguous`);
    }
    if ((signs.negative || signs.conjugate) && !hasSigns(dtype)) {
      throw new CheckpointError(`${name}: a tensor of type ${dtype} is said to be negated, which has no signs`);
    }
  }

  async read(): Promise<Uint8Array<ArrayBuffer>> {
    const { storage, shape, strides, offset } = this;
    const width = DTYPE_BYTES[this.dtype];
    const span = await storage.read(offset * width, spanOf(shape, strides) * width);
    const elements = isContiguous(shape, strides) ? span : gather(span, width, shape, strides);
    const signed = this.signs.negative ? negated(elements, this.dtype) : elements;
    return this.signs.conjugate ? conjugated(signed, this.dtype) : signed;
  }
}

/**
 * Maximum number of elements to which a tensor with stride 0 may repeat a smaller storage: at most 32 MB, whatever the
 * file's size.
 */
const MAX_BROADCAST = 1 << 22;

function countOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Number of elements from the tensor's first to its last, both included. */
function spanOf(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((n, d, i) => n + (d - 1) * strides[i], 1);
}

/** Returns whether the elements are in row-major order without gaps. Strides of dimensions of size 1 do not matter. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return shape.includes(0);
    expected *= shape[i];
  }
  return true;
}

/** Copies strided elements into row-major order. */
function gather(
  from: Uint8Array<ArrayBuffer>,
  width: number,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(countOf(shape) * width);
  const index = shape.map(() => 0);
  let source = 0;
  for (let at = 0; at < to.length; at += width) {
    for (let byte = 0; byte < width; byte++) to[at + byte] = from[source * width + byte];
    // Counts up like an odometer, the innermost dimension first.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis];
      if (++index[axis] < shape[axis]) break;
      source -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return to;
}
