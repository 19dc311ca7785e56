import type { Tile } from "../../../plan/variant.ts";
import { range } from "../../wgsl/range.ts";
import { wgsl } from "../../wgsl/wgsl.ts";
import { cooperativeTile } from "../choice/cooperative_tiles.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { addWeighted } from "../weights/weight_layout.ts";
import type { Cooperation } from "./cooperation.ts";

/**
 * Sharing by subgroup shuffles, without workgroup memory and barriers. Every invocation has its own pixels. All
 * invocations of a workgroup have the same output channels. In a step each lane loads one weight, and all lanes read it
 * from that lane.
 *
 * A subgroup may have any size that the device allows. Lanes work in teams of the smallest size. That is a power of
 * two, so it divides all sizes.
 */
export function throughSubgroups(
  geometry: ConvolutionGeometry,
  { layout }: ConvolutionOperands,
  tile: Tile,
): Cooperation {
  const { columns, outputs, team = 1 } = tile;
  const { lanes } = cooperativeTile(geometry, tile);
  const texels = 4 * outputs;
  const pixel = (t: number) => `lane + ${t * lanes}u`;
  const taken = (o: number, l: number) => {
    const at = o * 4 + l;
    return `subgroupShuffle(held${Math.floor(at / team)}, team_first + ${at % team}u)`;
  };
  return {
    setup: wgsl`
      let team_lane = subgroup_lane % ${team}u;
      let team_first = subgroup_lane - team_lane;`,
    loaded: range(columns).map(pixel),
    pixel,
    block: (o) => `${o}u`,
    step: (loads) =>
      wgsl`
      ${
        range(Math.ceil(texels / team)).map((n) =>
          wgsl`
        var held${n} = vec4f();
        {
          let at = team_lane + ${n * team}u;
          let row = 0u;
          let side = at % 4u;
          let out = first_out + at / 4u;
          ${loads.weight}
          ${texels % team === 0 ? "" : `if (at < ${texels}u) `}{ held${n} = w; }
        }`
        )
      }
      ${
        range(columns).map((t) =>
          wgsl`
        var x${t} = vec4f();
        {
          ${loads.pixel(t, "0u")}
          x${t} = texel;
        }`
        )
      }
      ${
        range(outputs).flatMap((o) => [
          "{",
          ...range(4).map((l) => `let w${l} = ${taken(o, l)};`),
          ...range(columns).map((t) => addWeighted(layout, `a${t}_${o}`, `x${t}`, ["w0", "w1", "w2", "w3"], 4)),
          "}",
        ])
      }`,
  };
}
