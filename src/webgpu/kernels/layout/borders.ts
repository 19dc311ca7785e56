/**
 * Converts between row-major tensors, which programs use, and blocks of four channels, which kernels use.
 *
 * @module
 */

import type { Shape } from "../../../graph/graph.ts";
import { type Dispatch, dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** Plans the conversion from row-major to blocks. */
export function packInput(shape: Shape, from: Resource, to: Resource): Dispatch {
  const { channels, blocks, pixels, texels } = blocked(shape);
  return dispatch({
    label: "pack_input",
    reads: { x: from },
    writes: { y: to },
    plain: ["x"],
    uniforms: { channels, blocks, pixels },
    invocations: texels,
    body: wgsl`
      let p = id % u.pixels;
      let block = (id / u.pixels) % u.blocks;
      let b = id / (u.pixels * u.blocks);
      var texel = vec4f();
      for (var lane = 0u; lane < min(4u, u.channels - block * 4u); lane++) {
        texel[lane] = x((b * u.channels + block * 4u + lane) * u.pixels + p);
      }
      y[id] = texel;`,
  });
}

/** Plans the conversion from blocks to row-major. */
export function unpackOutput(shape: Shape, from: Resource, to: Resource): Dispatch {
  const { batch, channels, blocks, pixels, texels } = blocked(shape);
  return dispatch({
    label: "unpack_output",
    reads: { x: from },
    writes: { y: to },
    plain: ["y"],
    uniforms: { channels, blocks, pixels, batch },
    invocations: texels,
    body: wgsl`
      let p = id % u.pixels;
      let block = (id / u.pixels) % u.blocks;
      let b = id / (u.pixels * u.blocks);
      let texel = x(id);
      for (var lane = 0u; lane < min(4u, u.channels - block * 4u); lane++) {
        y[(b * u.channels + block * 4u + lane) * u.pixels + p] = texel[lane];
      }`,
  });
}
