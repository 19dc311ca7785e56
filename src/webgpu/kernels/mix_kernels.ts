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
 * convolution's epilogue, where it costs one multiplication an output. An invocation mixes for all samples, so that the n
 * kernels are read once.
 */
export function mixKernels(
  { input, kernel: [kh, kw], depthwise, groupOutputs, weightTexels }: ConvolutionGeometry,
  { weight, kernel, channel, spatial, y, kernels, samples }: MixOperands,
): Dispatch {
  const numbers = Array.from({ length: kernels }, (_, i) => i);
  const run = Array.from({ length: Math.min(RUN, groupOutputs) }, (_, r) => r);
  const runs = Math.ceil(groupOutputs / run.length);
  const rows = weightTexels / groupOutputs;
  // A row is [group][i][tap][lane] of the packed weights, [block][tap] of depthwise ones.
  const tap = depthwise ? "row % u.taps" : "(row / 4u) % u.taps";
  const block = depthwise ? "row / u.taps" : "row / (4u * u.taps)";
  const line = (lines: readonly string[]) => lines.join("\n");
  return dispatch({
    label: "mix_kernels",
    reads: { weight, kernel, channel, spatial },
    writes: { y },
    uniforms: {
      weight_texels: weightTexels,
      in_blocks: input.blocks,
      group_outputs: groupOutputs,
      runs,
      taps: kh * kw,
      first_sample: samples[0],
      samples: samples[1] - samples[0],
    },
    invocations: runs * rows,
    body: `
  let first = id % u.runs;
  let row = id / u.runs;
  let tap = ${tap};
  let block = ${block};
${
      line(run.flatMap((r) => [
        `  let at${r} = row * u.group_outputs + min(first + ${r}u * u.runs, u.group_outputs - 1u);`,
        ...numbers.map((i) => `  let w${r}_${i} = weight(at${r} + ${i}u * u.weight_texels);`),
      ]))
    }
  for (var sample = 0u; sample < u.samples; sample++) {
    let s = sample + u.first_sample;
    var scale = vec4f(1.0);
${channel ? `    scale *= channel(s * u.in_blocks + block)${depthwise ? "" : "[row % 4u]"};\n` : ""}${
      spatial ? `    scale *= spatial(s * ${Math.ceil(kh * kw / 4)}u + tap / 4u)[tap % 4u];\n` : ""
    }${
      line(numbers.map((i) =>
        `    let scale${i} = scale${
          kernel ? ` * kernel(s * ${Math.ceil(kernels / 4)}u + ${i >> 2}u).${"xyzw"[i & 3]}` : ""
        };`
      ))
    }
    let to = sample * u.weight_texels;
${
      line(run.map((r) => {
        const inside = groupOutputs % run.length ? `if (first + ${r}u * u.runs < u.group_outputs) ` : "";
        return `    ${inside}{ y[to + at${r}] = ${numbers.map((i) => `scale${i} * w${r}_${i}`).join(" + ")}; }`;
      }))
    }
  }`,
  });
}
