import type { Activation } from "../../../graph/ops/shared.ts";

/** Returns WGSL of an activation applied to `v`, the name of a vec4f. NaN passes through, as in PyTorch. */
export function activate(activation: Activation, v: string): string {
  if (activation === "none") return v;
  const capped = activation === "relu6" ? `select(${v}, vec4f(6.0), ${v} > vec4f(6.0))` : v;
  return `select(${capped}, vec4f(), ${v} < vec4f())`;
}
