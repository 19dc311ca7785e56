/**
 * Reads NumPy arrays in pickles. PyTorch saves tensors as NumPy arrays if it cannot read the device's memory (XLA).
 *
 * @module
 */

import { Opaque } from "../pickle/opaque.ts";
import type { PickleValue } from "../pickle/value.ts";
import { type DType, DTYPE_BYTES } from "../tensors/state_dict.ts";
import { MAX_AXES, TorchTensor } from "./tensor.ts";

/** Element types by NumPy's codes. */
const TYPES: Readonly<Record<string, DType>> = {
  f8: "F64",
  f4: "F32",
  f2: "F16",
  i8: "I64",
  i4: "I32",
  i2: "I16",
  i1: "I8",
  u8: "U64",
  u4: "U32",
  u2: "U16",
  u1: "U8",
  b1: "BOOL",
  c16: "C128",
  c8: "C64",
};

class NumpyTensor extends TorchTensor {
  constructor(
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly raw: Uint8Array<ArrayBuffer> | string,
  ) {
    super();
  }
  read(): Promise<Uint8Array<ArrayBuffer>> {
    const { raw } = this;
    return Promise.resolve(typeof raw === "string" ? Uint8Array.from(raw, (c) => c.charCodeAt(0)) : raw);
  }
}

/**
 * Reads the array that `numpy.ndarray.__reduce__` describes. It is an object with the state (version, shape, dtype,
 * whether the order is Fortran's, bytes), or from protocol 5 on a call with (bytes, dtype, shape, order). Returns
 * undefined for another object, or for an array that is not of little-endian numbers in C order.
 */
export function readNumpy(object: Opaque): TorchTensor | undefined {
  const { raw, type, shape, order } = partsOf(object) ?? {};
  const dtype = dtypeOf(type), bytes = bytesOf(raw);
  if (dtype === undefined || bytes === undefined || order !== "C" || !Array.isArray(shape)) return undefined;
  const sizes = shape.length <= MAX_AXES && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  return sizes && bytes.length === shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype])
    ? new NumpyTensor(dtype, shape, bytes)
    : undefined;
}

function partsOf({ name, args, state }: Opaque): Record<"raw" | "type" | "shape" | "order", PickleValue> | undefined {
  if (/^numpy\._?core\.numeric\._frombuffer$/.test(name)) {
    const [raw, type, shape, order] = args;
    return { raw, type, shape, order };
  }
  if (!/^numpy\._?core\.multiarray\._reconstruct$/.test(name) || !Array.isArray(state)) return undefined;
  const [, shape, type, fortran, raw] = state;
  return { raw, type, shape, order: fortran === false ? "C" : "F" };
}

/** Reads dtype("f4") with the state (version, byte order, ...). */
function dtypeOf(type: PickleValue): DType | undefined {
  if (!(type instanceof Opaque) || type.name !== "numpy.dtype") return undefined;
  const code = type.args[0];
  const order = Array.isArray(type.state) ? type.state[1] : "<";
  return typeof code === "string" && Object.hasOwn(TYPES, code) && order !== ">" ? TYPES[code] : undefined;
}

/**
 * Protocol 2 has no bytes. They are text, one character per byte, which `_codecs.encode(text, "latin1")` turns into
 * bytes.
 */
function bytesOf(raw: PickleValue): Uint8Array<ArrayBuffer> | string | undefined {
  if (raw instanceof Uint8Array) return raw as Uint8Array<ArrayBuffer>;
  if (!(raw instanceof Opaque) || raw.name !== "_codecs.encode") return undefined;
  const [text, encoding] = raw.args;
  return typeof text === "string" && encoding === "latin1" ? text : undefined;
}
