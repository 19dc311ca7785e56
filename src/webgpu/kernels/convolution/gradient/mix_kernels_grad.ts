/**
 * The backward of mix_kernels (src/graph/ops/mix_kernels_grad.ts). Weights are in the layout of all values of their
 * shape.
 */

import type { Node, Value } from "../../../../graph/graph.ts";
import type {
  mixKernelsChannelGrad as channelGradOperator,
  mixKernelsProducts as productsOperator,
  mixKernelsWeightGrad as weightGradOperator,
} from "../../../../graph/ops/mix_kernels_grad.ts";
import { dispatch, type Resource } from "../../../plan/kernel.ts";
import type { Kernel, PlanContext } from "../../../plan/plan.ts";
import { CHANNELS_OF_OUTPUTS, mixUniforms, scaleOf } from "../weights/mixed_weights.ts";
import { channelsOf } from "../../wgsl/numbers.ts";
import { wgsl } from "../../wgsl/wgsl.ts";

type Attentions = { readonly [A in "channel" | "filter" | "spatial" | "kernel"]?: Value };

function readAttentions({ channel, filter, spatial, kernel }: Attentions, context: PlanContext) {
  const read = (value: Value | undefined): Resource | undefined => value && context.read(value);
  return { channel: read(channel), filters: read(filter), spatial: read(spatial), kernel: read(kernel) };
}

/** An invocation sums one texel of a kernel over the samples. Lanes past the last output channel are zero. */
export const mixKernelsWeightGrad: Kernel = (node, context) => {
  const { operands: { gradient, ...attentions }, output } = node as Node<typeof weightGradOperator>;
  const uniforms = mixUniforms(output.shape, attentions.channel?.shape[1]);
  context.emit(dispatch({
    label: "mix_kernels_weight_grad",
    reads: { gradient: context.read(gradient), ...readAttentions(attentions, context) },
    writes: { y: context.output(node) },
    uniforms: { ...uniforms, samples: gradient.shape[0] },
    invocations: uniforms.kernels * uniforms.weight_texels,
    declarations: attentions.channel ? CHANNELS_OF_OUTPUTS : "",
    body: wgsl`
      let within = id % u.weight_texels;
      let n = id / u.weight_texels;
      let t = within % u.taps;
      let i = within / u.taps % u.inputs;
      let o = within / u.taps / u.inputs;
      var sum = vec4f();
      for (var s = 0u; s < u.samples; s++) {
        sum += gradient(s * u.weight_texels + within)${scaleOf(attentions)};
      }
      y[id] = select(vec4f(), sum, ${channelsOf("o")} < vec4u(u.outputs));`,
  }));
};

/** An invocation computes one number of the channel attention. It sums over the output channels of its group. */
export const mixKernelsChannelGrad: Kernel = (node, context) => {
  const { operands: { gradient, weight, ...attentions }, output } = node as Node<typeof channelGradOperator>;
  const [batch, channels] = output.shape;
  const uniforms = mixUniforms(weight.shape, channels);
  context.emit(dispatch({
    label: "mix_kernels_channel_grad",
    reads: {
      gradient: context.read(gradient),
      weight: context.read(weight),
      ...readAttentions(attentions, context),
    },
    writes: { y: context.output(node) },
    plain: ["y"],
    uniforms,
    invocations: batch * uniforms.in_blocks * 4,
    body: wgsl`
      let c = id % (u.in_blocks * 4u);
      let s = id / (u.in_blocks * 4u);
      if (c >= u.channels) {
        y[id] = 0.0;
        return;
      }
      let i = c % u.inputs;
      let first = c / u.inputs * u.group_outputs;
      let end = first + u.group_outputs;
      var sum = vec4f();
      for (var o = first / 4u; o * 4u < end; o++) {
        let lanes = ${channelsOf("o")};
        var part = vec4f();
        for (var t = 0u; t < u.taps; t++) {
          let within = (o * u.inputs + i) * u.taps + t;
          var mixed = vec4f();
          for (var n = 0u; n < u.kernels; n++) {
            mixed += weight(n * u.weight_texels + within)${scaleOf({ kernel: attentions.kernel })};
          }
          part += gradient(s * u.weight_texels + within) * mixed${
      scaleOf({ filter: attentions.filter, spatial: attentions.spatial })
    };
        }
        sum += select(vec4f(), part, (lanes >= vec4u(first)) & (lanes < vec4u(end)));
      }
      y[id] = sum.x + sum.y + sum.z + sum.w;`,
  }));
};

/** An invocation has four output channels, a kernel, a tap and a sample. It sums over the inputs. */
export const mixKernelsProducts: Kernel = (node, context) => {
  const { gradient, weight, channel } = (node as Node<typeof productsOperator>).operands;
  const uniforms = mixUniforms(weight.shape, channel?.shape[1]);
  const y = context.output(node);
  context.emit(dispatch({
    label: "mix_kernels_products",
    reads: {
      gradient: context.read(gradient),
      weight: context.read(weight),
      channel: channel && context.read(channel),
    },
    writes: { y },
    uniforms,
    invocations: y.texels,
    declarations: channel ? CHANNELS_OF_OUTPUTS : "",
    body: wgsl`
      let t = id % u.taps;
      let n = id / u.taps % u.kernels;
      let o = id / (u.taps * u.kernels) % u.out_blocks;
      let s = id / (u.taps * u.kernels * u.out_blocks);
      var sum = vec4f();
      for (var i = 0u; i < u.inputs; i++) {
        let within = (o * u.inputs + i) * u.taps + t;
        sum += weight(n * u.weight_texels + within) * gradient(s * u.weight_texels + within)${scaleOf({ channel })};
      }
      y[id] = sum;`,
  }));
};
