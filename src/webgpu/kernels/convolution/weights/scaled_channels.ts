import type { Value } from "../../../../graph/graph.ts";
import { dispatch, type Resource } from "../../../plan/kernel.ts";
import { blocked } from "../../../plan/layout.ts";
import type { PlanContext } from "../../../plan/plan.ts";

/** Returns x [B, C, H, W] times an attention [B, C], for convolution kernels that cannot scale on load. */
export function scaledChannels(x: Value, attention: Value, context: PlanContext): Resource {
  const { pixels, texels } = blocked(x.shape);
  const scaled = context.scratch(`${x.name} scaled`, texels);
  context.emit(dispatch({
    label: "scale_channels",
    reads: { x: context.read(x), channel: context.read(attention) },
    writes: { y: scaled },
    uniforms: { pixels },
    invocations: texels,
    body: "y[id] = x(id) * channel(id / u.pixels);",
  }));
  return scaled;
}
