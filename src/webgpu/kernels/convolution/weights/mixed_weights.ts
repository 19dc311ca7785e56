/**
 * WGSL that mix_kernels and its backward share. Weights have the layout of all values of their shape: [n or
 * B][Cout/4][Cin/groups][tap] texels of four output channels.
 *
 * @module
 */

import type { Shape, Value } from "../../../../graph/graph.ts";
import { blocksOf } from "../../../plan/layout.ts";
import { wgsl } from "../../wgsl/wgsl.ts";

/** Returns the extents of n kernels, and of a channel attention if there is one. */
export function mixUniforms([kernels, cout, inputs, kh, kw]: Shape, channels: number = inputs) {
  const taps = kh * kw;
  return {
    kernels,
    kernel_blocks: blocksOf(kernels),
    outputs: cout,
    out_blocks: blocksOf(cout),
    group_outputs: cout * inputs / channels,
    inputs,
    channels,
    in_blocks: blocksOf(channels),
    taps,
    tap_blocks: blocksOf(taps),
    weight_texels: blocksOf(cout) * inputs * taps,
  };
}

/**
 * WGSL that returns the channel attention of the i-th input of four output channels. The channels may belong to several
 * groups.
 */
export const CHANNELS_OF_OUTPUTS = wgsl`
  fn channels_of_outputs(s: u32, o: u32, i: u32) -> vec4f {
    var numbers = vec4f();
    for (var lane = 0u; lane < 4u; lane++) {
      let c = min(o * 4u + lane, u.outputs - 1u) / u.group_outputs * u.inputs + i;
      numbers[lane] = channel(s * u.in_blocks + c / 4u)[c % 4u];
    }
    return numbers;
  }`;

const FACTORS = {
  channel: "channels_of_outputs(s, o, i)",
  filter: "filters(s * u.out_blocks + o)",
  spatial: "spatial(s * u.tap_blocks + t / 4u)[t % 4u]",
  kernel: "kernel(s * u.kernel_blocks + n / 4u)[n % 4u]",
} as const;

/**
 * Returns WGSL that multiplies by the existing attentions of sample `s`, output block `o`, input `i`, tap `t` and
 * kernel `n`.
 */
export function scaleOf(attentions: { readonly [A in keyof typeof FACTORS]?: Value }): string {
  return (Object.keys(FACTORS) as (keyof typeof FACTORS)[])
    .filter((name) => attentions[name]).map((name) => ` * ${FACTORS[name]}`).join("");
}
