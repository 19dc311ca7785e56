/**
 * PyTorch's lazy signs: a tensor may carry the note that its elements are meant negated, or their conjugates (the
 * imaginary part of a conjugate is a view of both kinds).
 *
 * @module
 */

import { type DType, DTYPE_BYTES } from "../tensors/state_dict.ts";

/** Bytes of the floating-point numbers that elements are made of; types that are not here are whole numbers. */
const PARTS: Readonly<Partial<Record<DType, number>>> = { F64: 8, F32: 4, F16: 2, BF16: 2, C128: 8, C64: 4 };

/** The types that PyTorch can negate lazily. */
export function hasSigns(dtype: DType): boolean {
  return dtype !== "BOOL" && !dtype.startsWith("F8");
}

/** A copy of the elements, each negated. */
export function negated(bytes: Uint8Array<ArrayBuffer>, dtype: DType): Uint8Array<ArrayBuffer> {
  const part = PARTS[dtype];
  return part === undefined ? complemented(bytes, DTYPE_BYTES[dtype]) : flipped(bytes, part);
}

/** A copy of the complex numbers, each with its imaginary part negated; other types have none. */
export function conjugated(bytes: Uint8Array<ArrayBuffer>, dtype: DType): Uint8Array<ArrayBuffer> {
  return dtype.startsWith("C") ? flipped(bytes, DTYPE_BYTES[dtype]) : bytes;
}

/** Flips the sign bit of the last of every `step` bytes: the sign of a little-endian float that ends there. */
function flipped(bytes: Uint8Array<ArrayBuffer>, step: number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  for (let at = step - 1; at < copy.length; at += step) copy[at] ^= 0x80;
  return copy;
}

/** Two's complement: every bit flipped, plus one. */
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
