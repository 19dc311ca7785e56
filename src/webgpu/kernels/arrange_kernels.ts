/**
 * Weights that runs change lie as all values do, in blocks of four along their second axis. Here they are laid out as
 * ConvolutionGeometry.pack lays out constant ones, [i/4][tap][i%4][o/4] texels of four output channels o, and mixed for
 * each sample on the way where that is wanted. Groups, and channels that fill no block, are left to tables (./gather.ts).
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import { type Dispatch, dispatch, type Resource } from "../kernel.ts";
import { blocksOf } from "../layout.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import type { Arrange } from "../plan.ts";
import type { MixOperands } from "./mix_kernels.ts";

/** Blocks of output channels that an invocation lays out. */
const RUN = 8;

/** How a weight lies, seen from the convolution that it is laid out for. */
interface Source {
  readonly geometry: ConvolutionGeometry;
  /** Whether the weight's own inputs are this convolution's outputs, and its taps run backwards. */
  readonly transposed: boolean;
  /** n */
  readonly kernels: number;
  /** Texels from one kernel to the next, one channel or block of channels to the next. */
  readonly strides: { readonly kernel: number; readonly input: number; readonly output: number };
  /** Whether a texel is four output channels, as it has to be; else four input channels. */
  readonly inPlace: boolean;
}

/**
 * How a weight [Cout, Cin, kh, kw], or n of them, lies for a convolution of that geometry: the forward one or, transposed,
 * the one that takes gradients back. Undefined where a table has to say.
 */
export function weightSource(
  weight: Shape,
  geometry: ConvolutionGeometry,
  groups: number,
  transposed: boolean,
): Source | undefined {
  const [cout, cin, kh, kw] = weight.slice(-4);
  if (groups !== 1 || geometry.depthwise || cin % 4 !== 0 || cout % 4 !== 0) return undefined;
  const taps = kh * kw;
  // [n][Cout/4][Cin][tap] or [Cout][Cin/4][tap].
  const dynamic = weight.length === 5;
  const [perOutput, perInput] = dynamic ? [cin * taps, taps] : [blocksOf(cin) * taps, taps];
  const [input, output] = transposed ? [perOutput, perInput] : [perInput, perOutput];
  const kernels = dynamic ? weight[0] : 1;
  return {
    geometry,
    transposed,
    kernels,
    strides: { kernel: cout * cin * taps / 4, input, output },
    inPlace: dynamic !== transposed,
  };
}

/** Lays a weight out on the device; for PlanContext.packed. Undefined where a table has to say how. */
export function arrangement(
  ...[weight, geometry, groups, transposed]: Parameters<typeof weightSource>
): Arrange | undefined {
  const source = weightSource(weight, geometry, groups, transposed);
  return source && ((from, to) => arrangeKernels(source, from, to));
}

/** Lays out all kernels, one after the other. */
function arrangeKernels(source: Source, weight: Resource, y: Resource): Dispatch {
  if (!source.inPlace) return transposeTexels(source, { weight, y, kernels: 1, samples: [0, source.kernels] }, false);
  const { geometry: { groupInputs, groupOutputs, kernel: [kh, kw], weightTexels }, kernels } = source;
  const runs = Math.ceil(groupOutputs / RUN);
  const rows = groupInputs * kh * kw * 4;
  return dispatch({
    label: "arrange_kernels",
    reads: { weight },
    writes: { y },
    uniforms: { ...sourceUniforms(source), runs, rows, outputs: groupOutputs, y_stride: weightTexels },
    invocations: runs * rows * kernels,
    body: `
  let row = (id / u.runs) % u.rows;
  let kernel = id / (u.runs * u.rows);
  let i = row / (4u * u.taps) * 4u + row % 4u;
  let t = (row / 4u) % u.taps;
  let first = kernel * u.kernel_stride + i * u.input_stride + select(t, u.taps - 1u - t, u.transposed == 1u);
  let to = kernel * u.y_stride + row * u.outputs;
  for (var o = id % u.runs; o < u.outputs; o += u.runs) { y[to + o] = weight(first + o * u.output_stride); }`,
  });
}

/** The kernels of each sample, as mixKernels makes them, from a weight whose texels are four input channels. */
export function mixTransposed(source: Source, operands: MixOperands): Dispatch {
  return transposeTexels(source, operands, true);
}

function sourceUniforms({ geometry: { kernel: [kh, kw] }, strides, transposed }: Source): Record<string, number> {
  return {
    taps: kh * kw,
    transposed: transposed ? 1 : 0,
    kernel_stride: strides.kernel,
    input_stride: strides.input,
    output_stride: strides.output,
  };
}

/** An invocation turns squares of four input by four output channels; without attentions, samples are kernels. */
function transposeTexels(source: Source, operands: MixOperands, mixed: boolean): Dispatch {
  const { geometry: { input, groupInputs, groupOutputs, kernel: [kh, kw], weightTexels } } = source;
  const { weight, kernel, channel, spatial, y, kernels, samples } = operands;
  const runs = Math.ceil(groupOutputs / RUN);
  const rows = groupInputs * kh * kw;
  const four = [0, 1, 2, 3];
  const numbers = Array.from({ length: kernels }, (_, k) => k);
  const scale = (k: number) => mixed ? ` * scale${k}` : "";
  const row = (r: number) =>
    numbers.map((k) => `weight(first + ${k}u * u.kernel_stride + ${r}u * u.output_stride)${scale(k)}`).join(" + ");
  return dispatch({
    label: mixed ? "mix_kernels_transposed" : "arrange_kernels_transposed",
    reads: { weight, kernel, channel, spatial },
    writes: { y },
    uniforms: {
      ...sourceUniforms(source),
      runs,
      rows,
      outputs: groupOutputs,
      y_stride: weightTexels,
      in_blocks: input.blocks,
      first_sample: samples[0],
    },
    invocations: runs * rows * (samples[1] - samples[0]),
    body: `
  let row = (id / u.runs) % u.rows;
  let sample = id / (u.runs * u.rows);
  let s = sample + u.first_sample;
  let block = row / u.taps;
  let t = row % u.taps;
  let start = ${mixed ? "" : "s * u.kernel_stride + "}block * u.input_stride
    + select(t, u.taps - 1u - t, u.transposed == 1u);
${mixed ? `  var scale = vec4f(1.0);\n` : ""}${channel ? "  scale *= channel(s * u.in_blocks + block);\n" : ""}${
      spatial ? "  scale *= spatial(s * ((u.taps + 3u) / 4u) + t / 4u)[t % 4u];\n" : ""
    }${
      mixed
        ? numbers.map((k) =>
          `  let scale${k} = scale${
            kernel ? ` * kernel(s * ${blocksOf(kernels)}u + ${k >> 2}u).${"xyzw"[k & 3]}` : ""
          };\n`
        ).join("")
        : ""
    }  for (var o = id % u.runs; o < u.outputs; o += u.runs) {
    let first = start + o * 4u * u.output_stride;
${four.map((r) => `    let m${r} = ${row(r)};`).join("\n")}
    let to = sample * u.y_stride + row * 4u * u.outputs + o;
${four.map((l) => `    y[to + ${l}u * u.outputs] = vec4f(${four.map((r) => `m${r}[${l}]`).join(", ")});`).join("\n")}
  }`,
  });
}
