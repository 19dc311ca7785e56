/**
 * A state dict: tensors by PyTorch name. The bytes of a tensor are read from the file only on demand.
 *
 * @module
 */

/**
 * Element types, named as in safetensors. Networks use the first ten. A file may hold tensors of the other types next
 * to the network; their bytes can be read.
 */
export type DType =
  | ("F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL")
  | ("U64" | "U32" | "U16" | "C128" | "C64")
  | ("F8_E4M3" | "F8_E5M2" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "F8_E8M0");

/** Bytes per element. */
export const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  C128: 16,
  C64: 8,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
};

/** One tensor of a checkpoint. */
export interface Tensor {
  /** Element type. For an unreadable tensor, the closest type. */
  readonly dtype: DType;
  /** Sizes, outermost dimension first. [] for a scalar. */
  readonly shape: readonly number[];
  /**
   * Reads the elements: row-major, contiguous, little-endian.
   *
   * @throws {CheckpointError} if the file is damaged or the tensor is unreadable
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Why the file does not hold the elements as plain numbers (sparse, quantised, no values at all), and what to do
   * about it in PyTorch. Undefined if the tensor can be read. If set, `read` rejects with this text.
   */
  readonly unreadable?: string;
}

/** Tensors by PyTorch name, in the order of the file. */
export type StateDict = Map<string, Tensor>;

/** Bytes with random access: a file, a Blob or a buffer. */
export interface ByteSource {
  /** The name for messages: a path or a URL. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes.
   *
   * @throws {CheckpointError} if the source ends before that
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes the file. */
  close?(): void;
}
