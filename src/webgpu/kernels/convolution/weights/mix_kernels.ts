import { type Dispatch, dispatch, type Resource } from "../../../plan/kernel.ts";
import { blocksOf } from "../../../plan/layout.ts";
import { numberOf } from "../../wgsl/numbers.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { WeightLayout } from "./weight_layout.ts";

/** The operands of {@link mixKernels}. */
export interface MixOperands {
  /** n kernels, one after the other. */
  readonly weight: Resource;
  readonly layout: WeightLayout;
  /** [B, n]. Left out if n = 1 and there is no kernel attention. */
  readonly kernel?: Resource;
  /** [B, Cin]: a factor of every input channel. */
  readonly channel?: Resource;
  /** [B, kh*kw] */
  readonly spatial?: Resource;
  /** One mixed kernel for each of the samples, in the same layout. */
  readonly y: Resource;
  /** The number n of kernels. */
  readonly kernels: number;
  /** The samples [first, end) to mix for. */
  readonly samples: readonly [number, number];
}

/** Texels that an invocation mixes. They share input channels and a tap, so they have the same attentions. */
const RUN = 8;

/**
 * Mixes the kernel of each sample: sum_i a_w,i a_c a_s W_i, in the weight's layout. The filter attention is left to the
 * convolution's epilogue, where it costs one multiplication per output. An invocation mixes for all samples, so that
 * the n kernels are read only once.
 */
export function mixKernels(
  { input, kernel: [kh, kw], depthwise, groupInputs, groupOutputs }: ConvolutionGeometry,
  { weight, layout, kernel, channel, spatial, y, kernels, samples }: MixOperands,
): Dispatch {
  const { texels, strides } = layout;
  const taps = kh * kw;
  const ofInputs = layout.vector === "inputs";
  const numbers = range(kernels);
  const attention = (i: number) => numberOf("kernel", `s * ${blocksOf(kernels)}u`, i);
  // [plane][share][inner]: texels that differ only in `share` have the same attentions.
  const [inner, shares] = depthwise
    ? [taps, 1]
    : ofInputs
    ? [strides.lane, 4 * groupOutputs]
    : [strides.output, groupOutputs];
  const run = range(Math.min(RUN, shares));
  const runs = Math.ceil(shares / run.length);
  const block = depthwise || ofInputs ? "plane" : "plane * u.group_inputs + within / u.taps / 4u";
  return dispatch({
    label: "mix_kernels",
    reads: { weight, kernel, channel, spatial },
    writes: { y },
    uniforms: {
      weight_texels: texels,
      in_blocks: input.blocks,
      group_inputs: groupInputs,
      inner,
      shares,
      runs,
      taps,
      first_sample: samples[0],
      samples: samples[1] - samples[0],
    },
    invocations: texels / shares * runs,
    body: wgsl`
      let within = id % u.inner;
      let first = id / u.inner % u.runs;
      let plane = id / (u.inner * u.runs);
      let tap = within % u.taps;
      let block = ${block};
      ${
      run.flatMap((r) => [
        `let at${r} = (plane * u.shares + min(first + ${r}u * u.runs, u.shares - 1u)) * u.inner + within;`,
        ...numbers.map((i) => `let w${r}_${i} = weight(at${r} + ${i}u * u.weight_texels);`),
      ])
    }
      for (var sample = 0u; sample < u.samples; sample++) {
        let s = sample + u.first_sample;
        var scale = vec4f(1.0);
        ${
      channel && `scale *= channel(s * u.in_blocks + block)${depthwise || ofInputs ? "" : "[within / u.taps % 4u]"};`
    }
        ${spatial && `scale *= spatial(s * ${blocksOf(taps)}u + tap / 4u)[tap % 4u];`}
        ${numbers.map((i) => `let scale${i} = scale${kernel ? ` * ${attention(i)}` : ""};`)}
        let to = sample * u.weight_texels;
        ${
      run.map((r) => {
        const inside = shares % run.length ? `if (first + ${r}u * u.runs < u.shares) ` : "";
        return `${inside}{ y[to + at${r}] = ${numbers.map((i) => `scale${i} * w${r}_${i}`).join(" + ")}; }`;
      })
    }
      }`,
  });
}
