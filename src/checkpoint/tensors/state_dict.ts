/**
 * A state dict: tensors by their PyTorch names, read from where they lie only when somebody asks for their bytes.
 *
 * @module
 */

/**
 * Element types, by safetensors' names. Networks are made of the first ten; of the others a file may hold tensors beside
 * the network, whose bytes can be read.
 */
export type DType =
  | ("F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL")
  | ("U64" | "U32" | "U16" | "C128" | "C64")
  | ("F8_E4M3" | "F8_E5M2" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "F8_E8M0");

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
  /** Element type; of an unreadable tensor the nearest one. */
  readonly dtype: DType;
  /** Extents, outermost first; [] for a scalar. */
  readonly shape: readonly number[];
  /** Its elements: row-major, contiguous, little-endian. Throws CheckpointError where the file turns out damaged. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Why the file does not hold the elements as plain numbers (sparse, quantised, no values at all), and what to do about
   * it in PyTorch. Missing in tensors that can be read; the others reject with this text.
   */
  readonly unreadable?: string;
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
