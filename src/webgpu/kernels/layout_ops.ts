import type { Value } from "../../graph/graph.ts";
import { dispatch } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel } from "../planner.ts";

/** [B, C, H, W] -> [B, C H W]: nothing to do for one pixel, else channels gather the pixels. */
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
    body: `
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

/** Zero channels before and after. */
export const padChannels: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { before } = node.attributes as { before: number };
  const { channels, blocks, pixels } = blocked(x.shape);
  const output = blocked(node.output.shape);
  context.emit(dispatch({
    label: "pad_channels",
    reads: { x: context.read(x) },
    writes: { y: context.output(node) },
    uniforms: { channels, blocks, pixels, out_blocks: output.blocks, before },
    invocations: output.texels,
    body: `
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
};
