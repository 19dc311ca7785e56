/**
 * Convolution as a matrix product, for hardware. A workgroup computes a tile of pixels by output channels. It loops
 * over taps and over some input channels at a time. Its invocations share loaded data through workgroup memory
 * (./through_workgroup.ts) or by subgroup shuffles (./through_subgroups.ts). Adjacent lanes load and store adjacent
 * texels. Attentions scale pixels and mix n kernels on load.
 *
 * If one kernel serves all samples, pixels are counted over all samples. So small maps still fill the tiles of a batch.
 *
 * @module
 */

import { type Dispatch, dispatch } from "../../../plan/kernel.ts";
import { blocksOf } from "../../../plan/layout.ts";
import type { Tile } from "../../../plan/variant.ts";
import { numberOf } from "../../wgsl/numbers.ts";
import { range } from "../../wgsl/range.ts";
import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";
import { cooperativeTile } from "../choice/cooperative_tiles.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { loadEpilogue, store } from "../operands/epilogue.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { tapPlace, type WeightLayout, weightUniforms } from "../weights/weight_layout.ts";
import type { Cooperation } from "./cooperation.ts";
import { throughSubgroups } from "./through_subgroups.ts";
import { throughWorkgroup } from "./through_workgroup.ts";

/** Most additions of a chain. */
const CHAIN = 512;

/** Returns the dispatch of a convolution with a shared tile. The convolution must not be depthwise. */
export function cooperativeConvolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile,
  label: string,
): Dispatch {
  const { input, output, kernel, stride, padding, dilation, groups, groupInputs, groupOutputs } = geometry;
  const { x, weight, channel, spatial, kernel: mix, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const { pixels, blocks, lanes } = cooperativeTile(geometry, tile);
  const count = samples[1] - samples[0];
  const [sets, span] = perSampleWeights || mix ? [count, output.pixels] : [1, count * output.pixels];
  const pixelTiles = Math.ceil(span / pixels);
  const outTiles = Math.ceil(groupOutputs / blocks);
  const cooperation = (tile.shared === "subgroups" ? throughSubgroups : throughWorkgroup)(geometry, operands, tile);
  return dispatch({
    label: `${label}_${tile.shared}`,
    // "filter" is a reserved word of WGSL.
    reads: { x, weight, channel, spatial, kernel: mix, filters: filter, bias, residual },
    writes: { y },
    uniforms: {
      in_blocks: input.blocks,
      in_pixels: input.pixels,
      height: input.height,
      width: input.width,
      out_blocks: output.blocks,
      out_pixels: output.pixels,
      out_width: output.width,
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      groups,
      pixel_tiles: pixelTiles,
      out_tiles: outTiles,
      span,
      ...weightUniforms(operands.layout, geometry, perSampleWeights),
      first_sample: samples[0],
      kernel_y: kernel[0],
      kernel_x: kernel[1],
      stride_y: stride[0],
      stride_x: stride[1],
      padding_y: padding[0],
      padding_x: padding[1],
      dilation_y: dilation[0],
      dilation_x: dilation[1],
    },
    invocations: pixelTiles * outTiles * groups * sets * lanes,
    workgroupSize: lanes,
    together: true,
    subgroups: tile.shared === "subgroups",
    declarations: cooperation.declarations,
    body: body(geometry, operands, tile, cooperation),
  });
}

/**
 * Returns the input blocks whose products are added in one chain. After each chain the sum is added to y. The rounding
 * error grows with the square root of a chain's length. Returns undefined if all blocks fit one chain.
 */
function inputsOfChain(
  { kernel: [kh, kw], groupInputs }: ConvolutionGeometry,
  { vector }: WeightLayout,
  depth: number,
): number | undefined {
  const additions = kh * kw * (vector === "outputs" ? 4 : 1); // additions per input block for one result
  const blocks = depth * Math.max(1, Math.floor(CHAIN / (additions * depth)));
  return groupInputs * additions > 2 * CHAIN && blocks < groupInputs ? blocks : undefined;
}

function body(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile,
  { setup, loaded, pixel, block, step }: Cooperation,
): string {
  const { kernel: [kh, kw] } = geometry;
  const { layout, channel, spatial, kernel, kernels = 1 } = operands;
  const { pixels, blocks, depth } = cooperativeTile(geometry, tile);
  /** Returns statements for every sum of an existing output: block `o` at texel `at` of y. */
  const each = (statements: (sum: string) => Wgsl) =>
    range(tile.columns).map((t) =>
      wgsl`
        {
          let pixel = first_pixel + ${pixel(t)};
          if (pixel < u.span) {
            let s = u.first_sample + weight_set + pixel / u.out_pixels;
            ${
        range(tile.outputs).map((o) =>
          wgsl`
          if (first_out + ${block(o)} < u.group_outputs) {
            let o = group * u.group_outputs + first_out + ${block(o)};
            let at = (s * u.out_blocks + o) * u.out_pixels + pixel % u.out_pixels;
            ${statements(`a${t}_${o}`)}
          }`
        )
      }
          }
        }`
    );
  const chains = inputsOfChain(geometry, layout, depth);
  const sums = range(tile.columns).flatMap((t) => range(tile.outputs).map((o) => `a${t}_${o}`));
  const loadMix = range(kernel ? kernels : 0).map((i) =>
    `let mix${i} = ${numberOf("kernel", `(u.first_sample + weight_set) * ${blocksOf(kernels)}u`, i)};`
  );
  const mixed = kernel
    ? range(kernels).map((i) => `weight(texel + ${i}u * u.w_kernel) * mix${i}`).join(" + ")
    : "weight(texel)";
  const pixelLoad = (p: number, k: string) => {
    const scale = channel ? ` * channel(sample${p} * u.in_blocks + in_block + i + ${k})` : "";
    const tap = spatial ? ` * at_tap${p}` : "";
    return wgsl`
      var texel = vec4f();
      if (inside${p} && i + ${k} < u.group_inputs) { texel = x(first${p} + (i + ${k}) * u.in_pixels)${scale}${tap}; }`;
  };
  const weight = wgsl`
    var w = vec4f();
    if (i + row < u.group_inputs && out < u.group_outputs) {
      let texel = w_base + (i + row) * u.w_input + out * u.w_output + side * u.w_lane;
      w = ${mixed};
    }`;
  return wgsl`
    let first_pixel = number % u.pixel_tiles * ${pixels}u;
    let first_out = number / u.pixel_tiles % u.out_tiles * ${blocks}u;
    let group = number / (u.pixel_tiles * u.out_tiles) % u.groups;
    let weight_set = number / (u.pixel_tiles * u.out_tiles * u.groups);
    let taps = u.kernel_y * u.kernel_x;
    let in_block = group * u.group_inputs;
    let first_weight = weight_set * u.w_sample + group * u.w_group;
    ${setup}
    ${
    loaded.map((at, p) =>
      wgsl`
      let loaded${p} = first_pixel + ${at};
      let sample${p} = u.first_sample + weight_set + loaded${p} / u.out_pixels;
      let top${p} = i32(loaded${p} % u.out_pixels / u.out_width * u.stride_y) - i32(u.padding_y);
      let left${p} = i32(loaded${p} % u.out_width * u.stride_x) - i32(u.padding_x);`
    )
  }
    ${[...loadMix, ...sums.map((sum) => `var ${sum} = vec4f();`)]}
    for (var i = 0u; i < u.group_inputs; i += ${depth}u) {
      // Taps inside: the channels' pixels and weights are in a cache by the second.
      for (var tap = 0u; tap < taps; tap++) {
        let place = ${tapPlace(layout, "tap", kh * kw)};
        let w_base = first_weight + place;
        ${
    loaded.map((_, p) =>
      wgsl`
      let row${p} = top${p} + i32(tap / u.kernel_x * u.dilation_y);
      let column${p} = left${p} + i32(tap % u.kernel_x * u.dilation_x);
      let inside${p} = loaded${p} < u.span && u32(row${p}) < u.height && u32(column${p}) < u.width;
      let first${p} = (sample${p} * u.in_blocks + in_block) * u.in_pixels + u32(row${p}) * u.width + u32(column${p});
      ${spatial && `var at_tap${p} = 0.0;`}
      ${
        spatial && `if (inside${p}) { at_tap${p} = spatial(sample${p} * ((taps + 3u) / 4u) + place / 4u)[place % 4u]; }`
      }`
    )
  }
        ${step({ pixel: pixelLoad, weight })}
      }
      ${
    chains
      ? wgsl`
        if ((i + ${depth}u) % ${chains}u == 0u && i + ${depth}u < u.group_inputs) {
          ${each((sum) => [`if (i >= ${chains}u) { ${sum} += y[at]; }`, `y[at] = ${sum};`])}
          ${sums.map((sum) => `${sum} = vec4f();`)}
        }`
      : ""
  }
    }
    ${each((sum) => [loadEpilogue(operands, "o"), store(operands, chains ? `(${sum} + y[at])` : sum)])}`;
}
