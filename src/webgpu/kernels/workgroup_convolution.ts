/**
 * Convolution as a matrix product through workgroup memory, for hardware: a workgroup computes a tile of pixels by output
 * channels, and loads what its invocations share once, tap by tap and some input channels at a time. Neighbouring lanes
 * load and store neighbouring texels. Attentions scale pixels, and mix n kernels, on their way into workgroup memory.
 *
 * Pixels are counted over all samples where one kernel serves them, so that small maps fill the tiles of a batch.
 *
 * @module
 */

import { type Dispatch, dispatch } from "../kernel.ts";
import { type ConvolutionOperands, loadEpilogue, store } from "./convolution.ts";
import type { ConvolutionGeometry } from "./convolution_geometry.ts";
import type { Tile } from "./convolution_tiles.ts";
import { tapPlace, weightUniforms } from "./weight_layout.ts";
import { PIXEL_LANES, type WorkgroupTile, workgroupTile } from "./workgroup_tiles.ts";

/** The dispatch of a convolution that is not depthwise, for a tile that is shared. */
export function workgroupConvolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile,
  label: string,
): Dispatch {
  const { input, output, kernel, stride, padding, dilation, groups, groupInputs, groupOutputs } = geometry;
  const { x, weight, channel, spatial, kernel: mix, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const workgroup = workgroupTile(geometry, tile);
  const count = samples[1] - samples[0];
  const [sets, span] = perSampleWeights || mix ? [count, output.pixels] : [1, count * output.pixels];
  const pixelTiles = Math.ceil(span / workgroup.pixels);
  const outTiles = Math.ceil(groupOutputs / workgroup.blocks);
  return dispatch({
    label: `${label}_workgroup`,
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
    invocations: pixelTiles * outTiles * groups * sets * workgroup.pixels,
    workgroupSize: workgroup.pixels,
    together: true,
    declarations: `
var<workgroup> pixels: array<vec4f, ${workgroup.depth * workgroup.pixels}>;
var<workgroup> weights: array<vec4f, ${workgroup.depth * 4 * workgroup.blocks}>;`,
    body: body(tile, workgroup, geometry, operands),
  });
}

function body(
  { columns, outputs }: Tile,
  workgroup: WorkgroupTile,
  { kernel: [kh, kw] }: ConvolutionGeometry,
  operands: ConvolutionOperands,
): string {
  const { layout, channel, spatial, kernel, kernels = 1 } = operands;
  const { pixels, blocks, depth } = workgroup;
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const line = (lines: readonly string[]) => lines.join("\n");
  const texels = 4 * blocks * depth;
  const each = range(columns).flatMap((t) => range(outputs).map((o) => ({ t, o, sum: `a${t}_${o}` })));
  const scale = `${channel ? " * channel(sample * u.in_blocks + in_block + i + k)" : ""}${spatial ? " * at_tap" : ""}`;
  const mixed = kernel
    ? range(kernels).map((i) => `weight(texel + ${i}u * u.w_kernel) * mix${i}`).join(" + ")
    : "weight(texel)";
  const loadMix = kernel
    ? range(kernels).map((i) =>
      `  let mix${i} = kernel((u.first_sample + weight_set) * ${Math.ceil(kernels / 4)}u + ${i >> 2}u).${
        "xyzw"[i & 3]
      };`
    )
    : [];
  // In the order in which weights lie: neighbouring lanes load neighbouring texels.
  const [row, side] = layout.vector === "outputs"
    ? [`at / 4u % ${depth}u`, "at % 4u"]
    : [`at % ${depth}u`, `at / ${depth}u % 4u`];
  const loadWeights = range(Math.ceil(texels / pixels)).map((n) => `
        {
          let at = lane + ${n * pixels}u;
          let row = ${row};
          let side = ${side};
          let block = at / ${4 * depth}u;
          let out = first_out + block;
          var w = vec4f();
          if (i + row < u.group_inputs && out < u.group_outputs) {
            let texel = w_base + (i + row) * u.w_input + out * u.w_output + side * u.w_lane;
            w = ${mixed};
          }
          ${texels % pixels === 0 ? "" : `if (at < ${texels}u) `}{ weights[(block * ${depth}u + row) * 4u + side] = w; }
        }`);
  const add = (t: number, o: number, l: number) =>
    layout.vector === "outputs"
      ? `a${t}_${o} += x${t}.${"xyzw"[l]} * w${o};`
      : `a${t}_${o}.${"xyzw"[l]} += dot(x${t}, w${o});`;
  return `
  let lane_x = lane % ${PIXEL_LANES}u;
  let lane_y = lane / ${PIXEL_LANES}u;
  let first_pixel = number % u.pixel_tiles * ${pixels}u;
  let first_out = number / u.pixel_tiles % u.out_tiles * ${blocks}u;
  let group = number / (u.pixel_tiles * u.out_tiles) % u.groups;
  let weight_set = number / (u.pixel_tiles * u.out_tiles * u.groups);
  let taps = u.kernel_y * u.kernel_x;
  let in_block = group * u.group_inputs;
  let first_weight = weight_set * u.w_sample + group * u.w_group;
  let loaded = first_pixel + lane;
  let sample = u.first_sample + weight_set + loaded / u.out_pixels;
  let top = i32(loaded % u.out_pixels / u.out_width * u.stride_y) - i32(u.padding_y);
  let left = i32(loaded % u.out_width * u.stride_x) - i32(u.padding_x);
${line([...loadMix, ...each.map(({ sum }) => `  var ${sum} = vec4f();`)])}
  for (var i = 0u; i < u.group_inputs; i += ${depth}u) {
    // Taps inside: the channels' pixels and weights are in a cache by the second.
    for (var tap = 0u; tap < taps; tap++) {
      let row = top + i32(tap / u.kernel_x * u.dilation_y);
      let column = left + i32(tap % u.kernel_x * u.dilation_x);
      let inside = loaded < u.span && u32(row) < u.height && u32(column) < u.width;
      let first = (sample * u.in_blocks + in_block) * u.in_pixels + u32(row) * u.width + u32(column);
      let place = ${tapPlace(layout, "tap", kh * kw)};
      let w_base = first_weight + place;
${
    spatial
      ? `      var at_tap = 0.0;
      if (inside) { at_tap = spatial(sample * ((taps + 3u) / 4u) + place / 4u)[place % 4u]; }
`
      : ""
  }      for (var k = 0u; k < ${depth}u; k++) {
        var texel = vec4f();
        if (inside && i + k < u.group_inputs) { texel = x(first + (i + k) * u.in_pixels)${scale}; }
        pixels[k * ${pixels}u + lane] = texel;
      }
${line(loadWeights)}
      workgroupBarrier();
      for (var k = 0u; k < ${depth}u; k++) {
${line(range(columns).map((t) => `        let x${t} = pixels[k * ${pixels}u + lane_x + ${t * PIXEL_LANES}u];`))}
${
    line(
      range(4).flatMap((l) => [
        "        {",
        ...range(outputs).map((o) =>
          `          let w${o} = weights[((lane_y + ${o * columns}u) * ${depth}u + k) * 4u + ${l}u];`
        ),
        ...each.map(({ t, o }) => `          ${add(t, o, l)}`),
        "        }",
      ]),
    )
  }
      }
      workgroupBarrier();
    }
  }
${
    line(
      range(columns).map((t) =>
        `  {
    let pixel = first_pixel + lane_x + ${t * PIXEL_LANES}u;
    if (pixel < u.span) {
      let s = u.first_sample + weight_set + pixel / u.out_pixels;
${
          line(
            range(outputs).map((o) =>
              `      if (first_out + lane_y + ${o * columns}u < u.group_outputs) {
        let o = group * u.group_outputs + first_out + lane_y + ${o * columns}u;
${loadEpilogue(operands, "o", "_v")}        let at = (s * u.out_blocks + o) * u.out_pixels + pixel % u.out_pixels;
        ${store(operands, `a${t}_${o}`, "_v")}
      }`
            ),
          )
        }
    }
  }`
      ),
    )
  }`;
}
