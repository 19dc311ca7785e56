/**
 * PyTorch's lazy signs. A tensor may be marked so that its elements must be negated or conjugated when they are read.
 * The imaginary part of a conjugate is a view with both marks.
 *
 * @module
 */

import { type DType, DTYPE_BYTES } from "../tensors/state_dict.ts";

/** Bytes of the floating-point numbers in an element. The types that are not listed are integers. */
const PARTS: Readonly<Partial<Record<DType, number>>> = { F64: 8, F32: 4, F16: 2, BF16: 2, C128: 8, C64: 4 };

/** Returns whether PyTorch can negate a type lazily. */
export function hasSigns(dtype: DType): boolean {
  return dtype !== "BOOL" && !dtype.startsWith("F8");
}

/** Returns a copy of the elements, each negated. */
export function negated(bytes: Uint8Array<ArrayBuffer>, dtype: DType): Uint8Array<ArrayBuffer> {
  const part = PARTS[dtype];
  return part === undefined ? complemented(bytes, DTYPE_BYTES[dtype]) : flipped(bytes, part);
}

/** Returns a copy of the complex numbers with negated imaginary parts. Other types are not complex. */
export function conjugated(bytes: Uint8Array<ArrayBuffer>, dtype: DType): Uint8Array<ArrayBuffer> {
  return dtype.startsWith("C") ? flipped(bytes, DTYPE_BYTES[dtype]) : bytes;
}

/** Flips the sign bit in the last of every `step` bytes: the sign of a little-endian float that ends there. */
function flipped(bytes: Uint8Array<ArrayBuffer>, step: number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  for (let at = step - 1; at < copy.length; at += step) copy[at] ^= 0x80;
  return copy;
}

/** Two's complement: flips every bit and adds one. */
function complemented(bytes: Uint8Array<ArrayBuffer>, width: number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  for (let start = 0; start < copy.length; start += width) {
    let carry = 1;
    for (let at = start; at < start + width; at++) {
      const sum = (copy[at] ^ 0xff) + carry;
      copy[at] = sum & 0xff;
      carry = sum >> 8;
    }
  }
  return copy;
}
