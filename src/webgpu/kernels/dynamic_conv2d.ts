import type { Value } from "../../graph/graph.ts";
import { size } from "../../graph/graph.ts";
import type { Activation, WindowAttributes } from "../../graph/ops/shared.ts";
import type { Resource } from "../kernel.ts";
import { TEXEL_BYTES } from "../layout.ts";
import type { Kernel } from "../planner.ts";
import { convolution } from "./convolution.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./convolution_geometry.ts";
import { depthwiseConvolution } from "./depthwise.ts";
import { mixKernels } from "./mix_kernels.ts";

/** Most bytes of mixed kernels alive at once: a batch that needs more is convolved some samples at a time. */
const MOST_MIXED_BYTES = 2 ** 26;

/**
 * ODConv. With one kernel, its weights are shared by the batch: the channel and spatial attentions scale them as they
 * are loaded. With several, or where mixing costs next to nothing, each sample's kernel is mixed first and then convolved.
 */
export const dynamicConv2d: Kernel = (node, context) => {
  const { x, weight, channel, filter, spatial, kernel, bias, residual } = node.operands as
    & Record<"x" | "weight", Value>
    & Partial<Record<"channel" | "filter" | "spatial" | "kernel" | "bias" | "residual", Value>>;
  const attributes = node.attributes as WindowAttributes & { groups: number; activation: Activation };
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, node.output.shape, attributes);
  const { batch } = geometry.output;
  const read = (value: Value | undefined): Resource | undefined => value && context.read(value);

  const input = context.operand(x);
  const packed = context.packed(
    weight,
    `dynamic_conv2d/${attributes.groups}`,
    geometry.weightTexels * kernels,
    geometry.pack,
  );
  const epilogue = {
    filter: read(filter),
    bias: read(bias),
    residual: read(residual),
    activation: attributes.activation,
    y: context.output(node),
  };
  const convolve = geometry.depthwise ? depthwiseConvolution : convolution;
  if (kernels === 1 && !kernel && !isMixingCheap(geometry)) {
    const scales = { channel: read(channel), spatial: read(spatial) };
    const samples = [0, batch] as const;
    context.emit(
      convolve(geometry, { x: input, weight: packed, ...scales, ...epilogue, perSampleWeights: false, samples }),
    );
    return;
  }
  const bytes = geometry.weightTexels * TEXEL_BYTES;
  const most = Math.min(MOST_MIXED_BYTES, context.capabilities.maxBindingBytes);
  const chunk = Math.min(batch, Math.max(1, Math.floor(most / bytes)));
  for (let first = 0; first < batch; first += chunk) {
    const samples = [first, Math.min(batch, first + chunk)] as const;
    const mixed = context.scratch(`${node.name} kernels`, geometry.weightTexels * (samples[1] - first));
    context.emit(mixKernels(geometry, {
      weight: packed,
      kernel: read(kernel),
      channel: read(channel),
      spatial: read(spatial),
      y: mixed,
      kernels,
      samples,
    }));
    context.emit(convolve(geometry, {
      x: input,
      weight: context.operandOf(mixed),
      ...epilogue,
      perSampleWeights: true,
      samples,
    }));
  }
};

/** Scaling weights on load costs every tile; mixing costs every weight once. */
function isMixingCheap({ output, depthwise }: ConvolutionGeometry): boolean {
  return depthwise || output.pixels >= size([28, 28]);
}
