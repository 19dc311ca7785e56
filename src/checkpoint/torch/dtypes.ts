/**
 * PyTorch's names of element types: those of its storage classes, and those of its dtypes.
 *
 * @module
 */

import type { DType } from "../tensors/state_dict.ts";

/**
 * Element types by storage class. A quantised storage has the type of its stored numbers. An untyped storage counts
 * bytes.
 */
export const STORAGES: Readonly<Record<string, DType>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
  ComplexDoubleStorage: "C128",
  ComplexFloatStorage: "C64",
  UntypedStorage: "U8",
  QInt32Storage: "I32",
  QInt8Storage: "I8",
  QUInt8Storage: "U8",
  QUInt4x2Storage: "U8",
  QUInt2x4Storage: "U8",
};

/** Element types by dtype, without the prefix "torch.". */
export const DTYPES: Readonly<Record<string, DType>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  complex128: "C128",
  complex64: "C64",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  float8_e4m3fnuz: "F8_E4M3FNUZ",
  float8_e5m2fnuz: "F8_E5M2FNUZ",
  float8_e8m0fnu: "F8_E8M0",
};
