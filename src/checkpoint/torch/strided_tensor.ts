/**
 * PyTorch's tensors as views over its storages: a storage is a run of elements in the file, a tensor an offset, a shape
 * and strides over it. Several tensors may share one storage.
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
  /** For messages: the file, and the storage's key in it. */
  readonly name: string;
  /** Type of its elements. */
  readonly dtype: DType;
  /** Number of its elements, as the pickle claims. */
  readonly length: number;
  /** Reads a range of its bytes. Throws CheckpointError where the file does not have them. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** What is to be done to the elements when they are read. */
export interface Signs {
  /** PyTorch's negative bit: negate each. */
  readonly negative?: boolean;
  /** PyTorch's conjugate bit: negate each imaginary part. */
  readonly conjugate?: boolean;
}

/** What `torch._utils._rebuild_tensor*` makes. */
export class StridedTensor extends TorchTensor {
  /** Checks the numbers against the storage; throws CheckpointError where they point outside of it. */
  constructor(
    readonly storage: Storage,
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    /** First element, in elements of the tensor's type. */
    readonly offset: number,
    readonly signs: Signs = {},
  ) {
    super();
    const { name } = storage;
    // A storage without a type of its own counts bytes.
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

/** Elements that a tensor with stride 0 may repeat a smaller storage to: at most 32 MB, whatever the file's size. */
const MAX_BROADCAST = 1 << 22;

function countOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Elements from the tensor's first to its last, both included. */
function spanOf(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((n, d, i) => n + (d - 1) * strides[i], 1);
}

/** Whether the elements lie in row-major order without gaps. Strides of extents of 1 say nothing. */
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
    // Counts up like an odometer, the innermost extent first.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis];
      if (++index[axis] < shape[axis]) break;
      source -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return to;
}
