import type { Tile } from "../../../plan/variant.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import { cooperativeTile, PIXEL_LANES } from "../choice/cooperative_tiles.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import type { Cooperation } from "./cooperation.ts";

/**
 * Sharing through workgroup memory. The invocations of a workgroup load the common operands, wait at a barrier, and
 * read their columns and blocks from that memory. A row of lanes has adjacent pixels and the same output channels.
 */
export function throughWorkgroup(
  geometry: ConvolutionGeometry,
  { layout }: ConvolutionOperands,
  tile: Tile,
): Cooperation {
  const { columns, outputs } = tile;
  const { pixels, blocks, depth } = cooperativeTile(geometry, tile);
  const texels = 4 * blocks * depth;
  const pixel = (t: number) => `lane_x + ${t * PIXEL_LANES}u`;
  const block = (o: number) => `lane_y + ${o * columns}u`;
  // This is the order of weights in memory, so adjacent lanes load adjacent texels.
  const [row, side] = layout.vector === "outputs"
    ? [`at / 4u % ${depth}u`, "at % 4u"]
    : [`at % ${depth}u`, `at / ${depth}u % 4u`];
  const add = (t: number, o: number, l: number) =>
    layout.vector === "outputs" ? `a${t}_${o} += x${t}[${l}] * w${o};` : `a${t}_${o}[${l}] += dot(x${t}, w${o});`;
  return {
    declarations: wgsl`
      var<workgroup> pixels: array<vec4f, ${depth * pixels}>;
      var<workgroup> weights: array<vec4f, ${texels}>;`,
    setup: wgsl`
      let lane_x = lane % ${PIXEL_LANES}u;
      let lane_y = lane / ${PIXEL_LANES}u;`,
    loaded: ["lane"],
    pixel,
    block,
    step: (loads) =>
      wgsl`
      for (var k = 0u; k < ${depth}u; k++) {
        ${loads.pixel(0, "k")}
        pixels[k * ${pixels}u + lane] = texel;
      }
      ${
        range(Math.ceil(texels / pixels)).map((n) =>
          wgsl`
        {
          let at = lane + ${n * pixels}u;
          let row = ${row};
          let side = ${side};
          let shared_block = at / ${4 * depth}u;
          let out = first_out + shared_block;
          ${loads.weight}
          ${
            texels % pixels === 0 ? "" : `if (at < ${texels}u) `
          }{ weights[(shared_block * ${depth}u + row) * 4u + side] = w; }
        }`
        )
      }
      workgroupBarrier();
      for (var k = 0u; k < ${depth}u; k++) {
        ${range(columns).map((t) => `let x${t} = pixels[k * ${pixels}u + ${pixel(t)}];`)}
        ${
        range(4).flatMap((l) => [
          "{",
          ...range(outputs).map((o) => `let w${o} = weights[((${block(o)}) * ${depth}u + k) * 4u + ${l}u];`),
          ...range(columns).flatMap((t) => range(outputs).map((o) => add(t, o, l))),
          "}",
        ])
      }
      }
      workgroupBarrier();`,
  };
}
