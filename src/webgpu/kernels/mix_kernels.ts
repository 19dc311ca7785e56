import { type Dispatch, dispatch, type Resource } from "../kernel.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";

/** The operands of {@link mixKernels}. */
export interface MixOperands {
  /** n kernels packed by ConvolutionGeometry.pack. */
  readonly weight: Resource;
  /** [B, n]; left out where n = 1 and there is no kernel attention. */
  readonly kernel?: Resource;
  /** [B, Cin] */
  readonly channel?: Resource;
  /** [B, kh*kw] */
  readonly spatial?: Resource;
  /** One kernel for each of the samples, packed as the n are. */
  readonly y: Resource;
  /** Number of kernels. */
  readonly kernels: number;
  /** The samples [first, end) to mix for. */
  readonly samples: readonly [number, number];
}

/**
 * The kernels of each sample: sum_i a_w,i a_c a_s W_i, in the packed layout. A texel an invocation. The filter attention
 * is left to the convolution's epilogue, where it costs one multiplication an output.
 */
export function mixKernels(
  { input, kernel: [kh, kw], depthwise, groupInputs, groupOutputs, weightTexels }: ConvolutionGeometry,
  { weight, kernel, channel, spatial, y, kernels, samples }: MixOperands,
): Dispatch {
  const taps = kh * kw;
  const attention = (i: number) =>
    kernel ? `kernel(s * ${Math.ceil(kernels / 4)}u + ${i >> 2}u).${"xyzw"[i & 3]} * ` : "";
  const sum = Array.from(
    { length: kernels },
    (_, i) => `${attention(i)}weight(at + ${i}u * u.weight_texels)`,
  ).join("\n    + ");
  const scale = channel
    ? depthwise
      ? "  v *= channel(s * u.in_blocks + at / u.taps);\n"
      : `  let c = at / (u.group_texels) * u.group_inputs + (at / (u.group_outputs * 4u * u.taps)) % u.group_inputs;
  v *= channel(s * u.in_blocks + c)[(at / u.group_outputs) % 4u];\n`
    : "";
  const tap = depthwise ? "at % u.taps" : "(at / (u.group_outputs * 4u)) % u.taps";
  return dispatch({
    label: "mix_kernels",
    reads: { weight, kernel, channel, spatial },
    writes: { y },
    uniforms: {
      weight_texels: weightTexels,
      in_blocks: input.blocks,
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      group_texels: groupInputs * taps * 4 * groupOutputs,
      taps,
      tap_blocks: Math.ceil(taps / 4),
      first_sample: samples[0],
    },
    invocations: weightTexels * (samples[1] - samples[0]),
    body: `
  let at = id % u.weight_texels;
  let s = id / u.weight_texels + u.first_sample;
  var v = ${sum};
${scale}${spatial ? `  let tap = ${tap};\n  v *= spatial(s * u.tap_blocks + tap / 4u)[tap % 4u];\n` : ""}  y[id] = v;`,
  });
}
