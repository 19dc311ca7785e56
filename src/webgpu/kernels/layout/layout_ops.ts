import type { Node, Value } from "../../../graph/graph.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** [B, C, H, W] -> [B, C H W]. One pixel needs no work. Otherwise pixels become channels. */
export const flatten: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { channels, blocks, pixels } = blocked(x.shape);
  if (pixels === 1) return context.alias(node, x);
  const output = blocked(node.output.shape);
  context.emit(dispatch({
    label: "flatten",
    reads: { x: context.read(x) },
    writes: { y: context.output(node) },
    uniforms: { features: channels * pixels, blocks, pixels, out_blocks: output.blocks },
    invocations: output.texels,
    body: wgsl`
      let block = id % u.out_blocks;
      let s = id / u.out_blocks;
      var texel = vec4f();
      for (var lane = 0u; lane < min(4u, u.features - block * 4u); lane++) {
        let channel = (block * 4u + lane) / u.pixels;
        let p = (block * 4u + lane) % u.pixels;
        texel[lane] = x((s * u.blocks + channel / 4u) * u.pixels + p)[channel % 4u];
      }
      y[id] = texel;`,
  }));
};

/** [B, C H W] -> [B, C, H, W]. */
export const unflatten: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { channels, blocks, pixels, texels } = blocked(node.output.shape);
  if (pixels === 1) return context.alias(node, x);
  context.emit(dispatch({
    label: "unflatten",
    reads: { x: context.read(x) },
    writes: { y: context.output(node) },
    uniforms: { channels, blocks, pixels, in_blocks: blocked(x.shape).blocks },
    invocations: texels,
    body: wgsl`
      let p = id % u.pixels;
      let block = (id / u.pixels) % u.blocks;
      let s = id / (u.pixels * u.blocks);
      var texel = vec4f();
      for (var lane = 0u; lane < min(4u, u.channels - block * 4u); lane++) {
        let feature = (block * 4u + lane) * u.pixels + p;
        texel[lane] = x(s * u.in_blocks + feature / 4u)[feature % 4u];
      }
      y[id] = texel;`,
  }));
};

/** Adds zero channels before and after. */
export const padChannels: Kernel = (node, context) =>
  shiftChannels(node, context, (node.attributes as { before: number }).before);

/** Takes a range of channels. */
export const sliceChannels: Kernel = (node, context) =>
  shiftChannels(node, context, -(node.attributes as { start: number }).start);

/** Channel c of x becomes channel c + before. Other channels of the result are zero. */
function shiftChannels(node: Node, context: PlanContext, before: number): void {
  const { x } = node.operands as { x: Value };
  const { channels, blocks, pixels } = blocked(x.shape);
  const output = blocked(node.output.shape);
  context.emit(dispatch({
    label: node.op.name,
    reads: { x: context.read(x) },
    writes: { y: context.output(node) },
    // Numbers wrap modulo 2^32, so a negative shift works too.
    uniforms: { channels, blocks, pixels, out_blocks: output.blocks, before: before >>> 0 },
    invocations: output.texels,
    body: wgsl`
      let p = id % u.pixels;
      let block = (id / u.pixels) % u.out_blocks;
      let s = id / (u.pixels * u.out_blocks);
      var texel = vec4f();
      for (var lane = 0u; lane < 4u; lane++) {
        let channel = block * 4u + lane - u.before;
        // Channels before the first wrap round to huge numbers.
        if (channel < u.channels) { texel[lane] = x((s * u.blocks + channel / 4u) * u.pixels + p)[channel % 4u]; }
      }
      y[id] = texel;`,
  }));
}
