/**
 * Says what to do about a tensor that a network needs but cannot use.
 *
 * @module
 */

import type { DType, Tensor } from "./state_dict.ts";

/** Remedies by element type. Networks use the types that are not listed. */
const REMEDIES: Readonly<Partial<Record<DType, string>>> = {
  ...byType(
    ["F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0"],
    (dtype) =>
      `the element type ${dtype} is not supported: eight bits are not a network's numbers without the scales that belong ` +
      "to them. In PyTorch, multiply by the scales if the file has such, and save tensor.float() instead",
  ),
  ...byType(
    ["C64", "C128"],
    (dtype) =>
      `the element type ${dtype} is not supported: no network here has complex numbers. In PyTorch, save tensor.real ` +
      "instead if its imaginary part is 0",
  ),
  ...byType(
    ["U64", "U32", "U16"],
    (dtype) =>
      `the element type ${dtype} is not supported. In PyTorch, save tensor.float() instead if these are a network's numbers`,
  ),
};

/**
 * Returns why a network cannot use a tensor's elements, and what to do in PyTorch. The result is a sentence without the
 * tensor's name. Returns undefined for types that networks use.
 */
export function remedyFor({ dtype, unreadable }: Pick<Tensor, "dtype" | "unreadable">): string | undefined {
  return unreadable ?? REMEDIES[dtype];
}

function byType(types: readonly DType[], text: (dtype: DType) => string): Partial<Record<DType, string>> {
  return Object.fromEntries(types.map((dtype) => [dtype, text(dtype)]));
}
