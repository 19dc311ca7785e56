/**
 * A state dict: tensors by their PyTorch names, read from where they lie only when somebody asks for their bytes.
 *
 * @module
 */

/** Element types, by safetensors' names. */
export type DType = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** Bytes an element takes. */
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
};

/** One tensor of a checkpoint. */
export interface Tensor {
  /** Element type. */
  readonly dtype: DType;
  /** Extents, outermost first; [] for a scalar. */
  readonly shape: readonly number[];
  /** Its elements: row-major, contiguous, little-endian. Throws CheckpointError where the file turns out damaged. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Tensors by PyTorch name, in the file's order. */
export type StateDict = Map<string, Tensor>;

/** Bytes that can be read from any offset: a file, a Blob, a buffer. */
export interface ByteSource {
  /** For messages: a path or a URL. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes. Throws CheckpointError where the source is shorter. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Lets go of the file. */
  close?(): void;
}
