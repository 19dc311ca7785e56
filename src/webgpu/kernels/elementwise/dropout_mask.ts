import type { OperandsOf } from "../../../graph/graph.ts";
import {
  type dropoutMask as dropoutMaskOperator,
  type DropoutMaskAttributes,
  dropoutThreshold,
} from "../../../graph/ops/dropout_mask.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/**
 * The mask of dropout. Random numbers are counted in row-major order, whatever the layout. The result is bit for bit
 * that of `dropoutMaskValues`.
 */
export const dropoutMask: Kernel = (node, context) => {
  const { seed, step } = node.operands as OperandsOf<typeof dropoutMaskOperator>;
  const { p, salt } = node.attributes as unknown as DropoutMaskAttributes;
  const { channels, blocks, pixels, texels } = blocked(node.output.shape);
  context.emit(dispatch({
    label: "dropout_mask",
    reads: { seed: context.read(seed), step: context.read(step) },
    writes: { y: context.output(node) },
    uniforms: { channels, blocks, pixels, salt, threshold: dropoutThreshold(p) },
    floats: { kept: 1 / (1 - p) },
    invocations: texels,
    declarations: wgsl`
      fn mix_bits(bits: u32) -> u32 {
        var h = (bits ^ (bits >> 16u)) * 0x21f0aaadu;
        h = (h ^ (h >> 15u)) * 0x735a2d97u;
        return h ^ (h >> 15u);
      }`,
    body: wgsl`
      let key = mix_bits(mix_bits(mix_bits(u32(seed(0u)[0])) ^ u.salt) ^ u32(step(0u)[0]));
      let p = id % u.pixels;
      let block = (id / u.pixels) % u.blocks;
      let s = id / (u.pixels * u.blocks);
      var texel = vec4f();
      for (var lane = 0u; lane < min(4u, u.channels - block * 4u); lane++) {
        let i = (s * u.channels + block * 4u + lane) * u.pixels + p;
        texel[lane] = select(u.kept, 0.0, mix_bits(key + i * 0x9e3779b9u) < u.threshold);
      }
      y[id] = texel;`,
  }));
};
