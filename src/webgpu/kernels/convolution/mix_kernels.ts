import type { Node } from "../../../graph/graph.ts";
import type { mixKernels as mixKernelsOperator } from "../../../graph/ops/mix_kernels.ts";
import { dispatch } from "../../plan/kernel.ts";
import type { Kernel } from "../../plan/plan.ts";
import { CHANNELS_OF_OUTPUTS, mixUniforms, scaleOf } from "./weights/mixed_weights.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/**
 * Mixes the samples' weights. An invocation computes one texel of a weight. For mixing within a convolution see
 * ./dynamic_conv2d.ts.
 */
export const mixKernels: Kernel = (node, context) => {
  const { weight, channel, filter, spatial, kernel } = (node as Node<typeof mixKernelsOperator>).operands;
  const batch = node.output.shape[0];
  const uniforms = mixUniforms(weight.shape, channel?.shape[1]);
  context.emit(dispatch({
    label: "mix_kernels_of_samples",
    reads: {
      weight: context.read(weight),
      channel: channel && context.read(channel),
      filters: filter && context.read(filter),
      spatial: spatial && context.read(spatial),
      kernel: kernel && context.read(kernel),
    },
    writes: { y: context.output(node) },
    uniforms,
    invocations: batch * uniforms.weight_texels,
    declarations: channel ? CHANNELS_OF_OUTPUTS : "",
    body: wgsl`
      let within = id % u.weight_texels;
      let s = id / u.weight_texels;
      let t = within % u.taps;
      let i = within / u.taps % u.inputs;
      let o = within / u.taps / u.inputs;
      var sum = vec4f();
      for (var n = 0u; n < u.kernels; n++) {
        sum += weight(n * u.weight_texels + within)${scaleOf({ kernel })};
      }
      y[id] = sum${scaleOf({ channel, filter, spatial })};`,
  }));
};
