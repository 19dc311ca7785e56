import type { Value } from "../../graph/graph.ts";
import type { Activation, WindowAttributes } from "../../graph/ops/shared.ts";
import { dispatch, type Resource } from "../kernel.ts";
import { blocked, TEXEL_BYTES } from "../layout.ts";
import type { Kernel, PlanContext } from "../planner.ts";
import { convolution, type Epilogue } from "./convolution.ts";
import { type ConvolutionGeometry, convolutionGeometry } from "./convolution_geometry.ts";
import type { Tile } from "./convolution_tiles.ts";
import { depthwiseConvolution } from "./depthwise.ts";
import { mixKernels } from "./mix_kernels.ts";

/** Most bytes of mixed kernels alive at once: a batch that needs more is convolved some samples at a time. */
const MOST_MIXED_BYTES = 2 ** 25;

/** A node's operands on the device, and what follows the sum. */
interface Prepared extends Epilogue {
  readonly x: Resource;
  /** n kernels, packed. */
  readonly weight: Resource;
  readonly kernels: number;
  readonly kernel?: Resource;
  readonly channel?: Resource;
  readonly spatial?: Resource;
  readonly y: Resource;
}

/**
 * ODConv. Each sample's kernel is mixed first and then convolved, or one kernel's weights are shared by the batch and the
 * attentions applied as operands are loaded.
 */
export const dynamicConv2d: Kernel = (node, context) => {
  const { x, weight, channel, filter, spatial, kernel, bias, residual } = node.operands as
    & Record<"x" | "weight", Value>
    & Partial<Record<"channel" | "filter" | "spatial" | "kernel" | "bias" | "residual", Value>>;
  const attributes = node.attributes as WindowAttributes & { groups: number; activation: Activation };
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, node.output.shape, attributes);
  const read = (value: Value | undefined): Resource | undefined => value && context.read(value);
  const key = `dynamic_conv2d/${attributes.groups}`;
  const { mixing, tile } = context.variant(node);
  const shared = mixing === "shared";
  const scaleFirst = shared && channel !== undefined && each[2] * each[3] === 1;
  const input = scaleFirst ? scaledInput(x, channel, context) : context.read(x);
  const prepared: Prepared = {
    x: context.operandOf(input),
    weight: context.packed(weight, key, geometry.weightTexels * kernels, geometry.pack),
    kernels,
    kernel: read(kernel),
    channel: scaleFirst ? undefined : read(channel),
    spatial: read(spatial),
    filter: read(filter),
    bias: read(bias),
    residual: read(residual),
    activation: attributes.activation,
    y: context.output(node),
  };
  if (shared) {
    const samples = [0, geometry.output.batch] as const;
    context.emit(convolution(geometry, { ...prepared, perSampleWeights: false, samples }, tile));
  } else mixAndConvolve(node.name, geometry, prepared, tile, context);
};

/** x times the channel attention: for one tap, cheaper than scaling every weight that is loaded. */
function scaledInput(x: Value, channel: Value, context: PlanContext): Resource {
  const { pixels, texels } = blocked(x.shape);
  const scaled = context.scratch(`${x.name} scaled`, texels);
  context.emit(dispatch({
    label: "scale_channels",
    reads: { x: context.read(x), channel: context.read(channel) },
    writes: { y: scaled },
    uniforms: { pixels },
    invocations: texels,
    body: "  y[id] = x(id) * channel(id / u.pixels);",
  }));
  return scaled;
}

/** Mixes the kernels of as many samples as memory holds, convolves those, and goes on. */
function mixAndConvolve(
  name: string,
  geometry: ConvolutionGeometry,
  prepared: Prepared,
  tile: Tile,
  context: PlanContext,
): void {
  const { batch } = geometry.output;
  const most = Math.min(MOST_MIXED_BYTES, context.capabilities.maxBindingBytes);
  const chunk = Math.min(batch, Math.max(1, Math.floor(most / (geometry.weightTexels * TEXEL_BYTES))));
  const { channel: _, spatial: __, ...convolved } = prepared;
  for (let first = 0; first < batch; first += chunk) {
    const samples = [first, Math.min(batch, first + chunk)] as const;
    const mixed = context.scratch(`${name} kernels`, geometry.weightTexels * (samples[1] - first));
    context.emit(mixKernels(geometry, { ...prepared, y: mixed, samples }));
    const weight = context.operandOf(mixed);
    const convolve = geometry.depthwise ? depthwiseConvolution : convolution;
    context.emit(convolve(geometry, { ...convolved, weight, perSampleWeights: true, samples }, tile));
  }
}
