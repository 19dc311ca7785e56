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

/** Texels that an invocation mixes: they share an input channel and a tap, and so their attentions. */
const RUN = 8;

/**
 * The kernels of each sample: sum_i a_w,i a_c a_s W_i, in the packed layout. The filter attention is left to the
 * convolution's epilogue, where it costs one multiplication an output.
 */
export function mixKernels(
  { input, kernel: [kh, kw], depthwise, groupOutputs, weightTexels }: ConvolutionGeometry,
  { weight, kernel, channel, spatial, y, kernels, samples }: MixOperands,
): Dispatch {
  const numbers = Array.from({ length: kernels }, (_, i) => i);
  const runs = Math.ceil(groupOutputs / RUN);
  const rows = weightTexels / groupOutputs;
  // A row is [group][i][tap][lane] of the packed weights, [block][tap] of depthwise ones.
  const tap = depthwise ? "row % u.taps" : "(row / 4u) % u.taps";
  const block = depthwise ? "row / u.taps" : "row / (4u * u.taps)";
  return dispatch({
    label: "mix_kernels",
    reads: { weight, kernel, channel, spatial },
    writes: { y },
    uniforms: {
      weight_texels: weightTexels,
      in_blocks: input.blocks,
      group_outputs: groupOutputs,
      runs,
      rows,
      taps: kh * kw,
      first_sample: samples[0],
    },
    invocations: runs * rows * (samples[1] - samples[0]),
    body: `
  let first = id % u.runs;
  let row = (id / u.runs) % u.rows;
  let sample = id / (u.runs * u.rows);
  let s = sample + u.first_sample;
  let tap = ${tap};
  var scale = vec4f(1.0);
${channel ? `  scale *= channel(s * u.in_blocks + ${block})${depthwise ? "" : "[row % 4u]"};\n` : ""}${
      spatial ? `  scale *= spatial(s * ${Math.ceil(kh * kw / 4)}u + tap / 4u)[tap % 4u];\n` : ""
    }${
      numbers.map((i) =>
        `  let scale${i} = scale${
          kernel ? ` * kernel(s * ${Math.ceil(kernels / 4)}u + ${i >> 2}u).${"xyzw"[i & 3]}` : ""
        };\n`
      ).join("")
    }  for (var o = first; o < u.group_outputs; o += u.runs) {
    let at = row * u.group_outputs + o;
    y[sample * u.weight_texels + at] = ${
      numbers.map((i) => `scale${i} * weight(at + ${i}u * u.weight_texels)`).join(" + ")
    };
  }`,
  });
}
