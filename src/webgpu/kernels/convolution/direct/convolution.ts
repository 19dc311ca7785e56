/**
 * Convolution by register tiles: an invocation computes `columns` by `rows` neighbouring pixels for `outputs` blocks of
 * output channels, and reads each input texel of its halo once a row of the window. No workgroup memory, no barriers: on
 * software adapters both cost more than they save. Operands come from storage textures where those are fastest (see
 * PlanContext.operand).
 *
 * A 1x1 convolution of stride 1 is the same with the whole image as one row: a matrix product.
 *
 * Attentions apply to what is loaded: the channel attention to pixels, spatial and kernel attentions to weights, of which
 * n are mixed in registers. That costs n loads a weight and saves the memory of mixed kernels.
 *
 * @module
 */

import type { Activation } from "../../../../graph/ops/shared.ts";
import { type Dispatch, dispatch } from "../../../plan/kernel.ts";
import { TEXEL_BYTES } from "../../../plan/layout.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { directTiles, FEW_LANES } from "../choice/convolution_tiles.ts";
import { range } from "../../wgsl/range.ts";
import { addWeighted, weightLanes, weightUniforms } from "../weights/weight_layout.ts";
import { windowRows } from "./window.ts";
import { isFlat } from "../geometry/geometry.ts";
import { finished, loadEpilogue, store } from "../operands/epilogue.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { haloColumns } from "../../wgsl/halo.ts";
import type { Tile } from "../../../plan/variant.ts";

/** WGSL of a loop of `rows` turns, which sets `i` and `ky`: before it, and at the beginning of the turn `n`. */
interface InputLoop {
  readonly start: string;
  readonly turn: string;
}

/** The loop over the input blocks of a group where the window has one row. */
const EACH_INPUT: InputLoop = {
  start: `
  let ky = 0;
  let rows = select(0u, u.group_inputs, first_ky < end_ky);`,
  turn: "    let i = n;",
};

/**
 * The loop over the input blocks of a group and the window's rows. One loop, not two: software adapters keep the
 * accumulators in memory and copy all of them at the borders of the inner one, which takes half the time.
 */
const EACH_INPUT_ROW: InputLoop = {
  start: `
  var next_i = 0u;
  var next_ky = first_ky;
  let rows = u.group_inputs * u32(max(0, end_ky - first_ky));`,
  turn: `    let i = next_i;
    let ky = next_ky;
    let last = ky + 1 == end_ky;
    next_i = i + select(0u, 1u, last);
    next_ky = select(ky + 1, first_ky, last);`,
};

/** Additions of a chain: a longer one rounds as if it lost the digits of its length's root. */
const CHAIN = 512;

/**
 * How many turns of the loop make a chain, where all of them are many more; y takes the sums in between. Undefined where all
 * fit one chain.
 */
function turnsOfChain({ kernel: [kh, kw], groupInputs }: ConvolutionGeometry): number | undefined {
  return groupInputs * kh * kw > 2 * CHAIN ? Math.floor(CHAIN / kw) : undefined;
}

/** The dispatch of a convolution that is not depthwise. */
export function convolution(
  geometry: ConvolutionGeometry,
  operands: ConvolutionOperands,
  tile: Tile = directTiles(geometry)[0],
  label = `conv2d_${geometry.kernel[0]}x${geometry.kernel[1]}`,
): Dispatch {
  const { input, output, kernel, stride, padding, dilation, groupInputs, groupOutputs } = geometry;
  const { x, weight, channel, spatial, kernel: mix, filter, bias, residual, y, samples, perSampleWeights } = operands;
  const flat = isFlat(geometry);
  const [height, width] = flat ? [1, input.pixels] : [input.height, input.width];
  const [outHeight, outWidth] = flat ? [1, output.pixels] : [output.height, output.width];
  const outTiles = Math.ceil(output.blocks / tile.outputs);
  const tiles = Math.ceil(outWidth / tile.columns);
  const rowTiles = Math.ceil(outHeight / (tile.rows ?? 1));
  const { lanes = FEW_LANES } = tile;
  const order = orderOf(geometry, operands, { pixelTiles: tiles * rowTiles, outTiles, lanes });
  const count = samples[1] - samples[0];
  const places = tiles * rowTiles * count;
  return dispatch({
    label,
    // "filter" is a reserved word of WGSL.
    reads: { x, weight, channel, spatial, kernel: mix, filters: filter, bias, residual },
    writes: { y },
    uniforms: {
      in_blocks: input.blocks,
      height,
      width,
      out_blocks: output.blocks,
      out_height: outHeight,
      out_width: outWidth,
      out_tiles: outTiles,
      tiles,
      row_tiles: rowTiles,
      group_inputs: groupInputs,
      group_outputs: groupOutputs,
      ...weightUniforms(operands.layout, geometry, perSampleWeights),
      samples: count,
      first_sample: samples[0],
      kernel_y: kernel[0],
      stride_y: stride[0],
      padding_y: padding[0],
      padding_x: padding[1],
      dilation_y: dilation[0],
    },
    invocations: outTiles * (order === "outputs first" ? Math.ceil(places / lanes) * lanes : places),
    workgroupSize: lanes,
    body: convolutionBody(geometry, tile, tiles === 1 ? { width, outWidth } : undefined, order, operands),
  });
}

/** Bytes of an operand that stay in a core's cache while the other one passes by. */
const CACHED = 2 ** 19;

/**
 * Which invocations follow each other: those of the same output channels and other pixels, or the other way round. The first
 * read all pixels again for every tile of channels, the second all weights for every few tiles of pixels.
 */
type Order = "pixels first" | "outputs first";

function orderOf(
  { input, weightTexels }: ConvolutionGeometry,
  { samples, perSampleWeights, kernels = 1 }: ConvolutionOperands,
  { pixelTiles, outTiles, lanes }: { readonly pixelTiles: number; readonly outTiles: number; readonly lanes: number },
): Order {
  const count = samples[1] - samples[0];
  const again = (texels: number, times: number) => texels * TEXEL_BYTES <= CACHED ? 0 : texels * times;
  const pixels = again(input.texels / input.batch * (perSampleWeights ? 1 : count), outTiles);
  const groups = Math.ceil(pixelTiles * (perSampleWeights ? 1 : count) / lanes);
  return again(weightTexels * kernels, groups) < pixels ? "outputs first" : "pixels first";
}

/** WGSL that says which tile of pixels, tile of output channels and sample an invocation is for. */
function numberTiles(order: Order, perSampleWeights: boolean, workgroup: number): string {
  const pixelTiles = "(u.tiles * u.row_tiles)";
  if (order === "outputs first") {
    return `
  let plane = id / ${workgroup}u;
  let place = plane / u.out_tiles * ${workgroup}u + id % ${workgroup}u;
  let out_tile = plane % u.out_tiles;
  let tile = place % ${pixelTiles};
  let sample = place / ${pixelTiles};
  if (sample >= u.samples) { return; }`;
  }
  const [fast, slow] = perSampleWeights ? ["out_tile", "sample"] : ["sample", "out_tile"];
  const extent = perSampleWeights ? "u.out_tiles" : "u.samples";
  return `
  let tile = id % ${pixelTiles};
  let plane = id / ${pixelTiles};
  let ${fast} = plane % ${extent};
  let ${slow} = plane / ${extent};`;
}

const line = (lines: readonly string[]) => lines.filter((text) => text !== "").join("\n");

/** `whole` is known where a tile covers whole rows: then what lies beyond their ends is known, and left out. */
function convolutionBody(
  geometry: ConvolutionGeometry,
  { columns, outputs, rows: height = 1, lanes: workgroup = FEW_LANES }: Tile,
  whole: { readonly width: number; readonly outWidth: number } | undefined,
  order: Order,
  operands: ConvolutionOperands,
): string {
  const { kernel: [kh, kw], stride: [, sx], padding: [, px], dilation: [, dx], input } = geometry;
  const { layout, channel, spatial, kernel, kernels = 1, perSampleWeights } = operands;
  const tile = range(Math.min(columns, whole?.outWidth ?? columns));
  const blocks = range(outputs);
  const rows = range(height);
  const taps = range(kw);
  const lanes = weightLanes(layout, input.channels);
  const numbers = range(kernels);
  const isInside = (j: number) => whole === undefined || (j >= px && j < px + whole.width);
  const halo = haloColumns(tile.length, kw, sx, dx).filter(isInside);

  /** The number that a tap of kernel `i` is multiplied by; "" for none. */
  const scaleOf = (i: number, k: number) => spatial || kernel ? `m${i}_${k}` : "";
  const scales = taps.flatMap((k) =>
    numbers.map((i) => {
      const factors = [...(kernel ? [`mix${i}`] : []), ...(spatial ? [`tap${k}`] : [])];
      return factors.length ? `    let m${i}_${k} = ${factors.join(" * ")};` : "";
    })
  );

  const loadWeight = (k: number, l: number, o: number) =>
    numbers.map((i) => {
      const scale = scaleOf(i, k);
      const first = i === 0 ? "" : ` + ${i}u * u.w_kernel`;
      const along = layout.reversed ? kw - 1 - k : k;
      return `weight(w${first} + ${o}u * u.w_output + ${l}u * u.w_lane + ${along}u)${scale && ` * ${scale}`}`;
    }).join(" + ");
  const tap = (k: number) =>
    line([
      "    {",
      ...lanes.flatMap((l) => blocks.map((o) => `      let w${l}_${o} = ${loadWeight(k, l, o)};`)),
      ...rows.flatMap((r) =>
        tile.filter((t) => isInside(t * sx + k * dx)).flatMap((t) =>
          blocks.map((o) =>
            `      ` +
            addWeighted(
              layout,
              `a${r}_${t}_${o}`,
              `x${r}_${t * sx + k * dx}`,
              lanes.map((l) => `w${l}_${o}`),
              input.channels,
            )
          )
        )
      ),
      "    }",
    ]);

  // The window's rows are a loop, so a row's spatial attentions are selected from registers loaded once.
  const windowLines = range(kh);
  const at = (ky: number, k: number) => {
    const index = layout.reversed ? kh * kw - 1 - (ky * kw + k) : ky * kw + k;
    return `spatial(s * ${Math.ceil(kh * kw / 4)}u + ${index >> 2}u).${"xyzw"[index & 3]}`;
  };
  const loadSpatial = spatial
    ? windowLines.flatMap((ky) => taps.map((k) => `  let spatial${ky}_${k} = ${at(ky, k)};`))
    : [];
  const selectSpatial = spatial
    ? taps.map((k) =>
      `    let tap${k} = ${
        windowLines.slice(1).reduce((rest, ky) => `select(${rest}, spatial${ky}_${k}, ky == ${ky})`, `spatial0_${k}`)
      };`
    )
    : [];
  const loadMix = kernel
    ? numbers.map((i) => `  let mix${i} = kernel(s * ${Math.ceil(kernels / 4)}u + ${i >> 2}u).${"xyzw"[i & 3]};`)
    : [];

  /** A row of the halo. Of several rows some may lie outside of the image. */
  const loadRow = (r: number) => {
    const conditions = [
      ...(height > 1 ? [`u32(y${r}) < u.height`] : []),
      ...(px > 0 && whole === undefined ? ["COLUMN < u.width"] : []),
    ];
    return [
      `    let y${r} = top + ${r} * i32(u.stride_y) + ky * i32(u.dilation_y);`,
      `    let row${r} = plane_in + y${r} * i32(u.width) + left;`,
      ...halo.map((j) => {
        const texel = `x(u32(row${r} + ${j}))${channel ? " * scale" : ""}`;
        const inside = conditions.join(" && ").replace("COLUMN", `u32(left + ${j})`);
        return `    let x${r}_${j} = ${inside ? `select(vec4f(), ${texel}, ${inside})` : texel};`;
      }),
    ];
  };

  /** Statements for each sum that is somebody's, at `at` of y, after those for its block. */
  const each = (forBlock: (o: number) => string, forSum: (sum: string) => string) =>
    line(blocks.map((o) =>
      `  if (o + ${o}u < u.out_blocks) {
${forBlock(o)}    let first = (s * u.out_blocks + o + ${o}u) * u.out_height;
${
        line(rows.flatMap((r) =>
          tile.map((t) => {
            const inside = [
              ...(whole === undefined ? [`column + ${t}u < u.out_width`] : []),
              ...(height > 1 ? [`row_out + ${r}u < u.out_height`] : []),
            ].join(" && ");
            const stored = `let at = (first + row_out + ${r}u) * u.out_width + column + ${t}u; ${
              forSum(`a${r}_${t}_${o}`)
            }`;
            return `    ${inside ? `if (${inside}) ` : ""}{ ${stored} }`;
          })
        ))
      }
  }`
    ));
  const loop = kh === 1 ? EACH_INPUT : EACH_INPUT_ROW;
  const turns = turnsOfChain(geometry);

  return `
${numberTiles(order, perSampleWeights, workgroup)}
  let column = ${whole === undefined ? `tile % u.tiles * ${columns}u` : "0u"};
  let row_out = tile / u.tiles * ${height}u;
  let o = out_tile * ${outputs}u;
  let s = sample + u.first_sample;
  let group = o / u.group_outputs;
  let left = ${whole === undefined ? `i32(column) * ${sx} - i32(u.padding_x)` : String(-px)};
  let w_base = sample * u.w_sample + group * u.w_group + o % u.group_outputs * u.w_output;
${windowRows(height)}
${line([...loadSpatial, ...loadMix])}
${line(rows.flatMap((r) => tile.flatMap((t) => blocks.map((o) => `  var a${r}_${t}_${o} = vec4f();`))))}
${loop.start}
${
    turns
      ? `  var begin = 0u;
  loop {
  let end = begin + ${turns}u;
  let last = end >= rows;
  for (var n = begin; n < min(rows, end); n++) {`
      : "  for (var n = 0u; n < rows; n++) {"
  }
${loop.turn}
    let c = group * u.group_inputs + i;
    let plane_in = i32((s * u.in_blocks + c) * u.height * u.width);
    let w = w_base + i * u.w_input + ${layout.reversed ? `u32(${kh - 1} - ky)` : "u32(ky)"} * ${kw}u;
${
    line([
      channel ? "    let scale = channel(s * u.in_blocks + c);" : "",
      ...selectSpatial,
      ...scales,
      ...rows.flatMap(loadRow),
      ...taps.map(tap),
    ])
  }
  }
${
    each(
      (o) => loadEpilogue(operands, `o + ${o}u`, "_v"),
      (sum) =>
        turns
          ? `if (begin > 0u) { ${sum} += y[at]; } y[at] = select(${sum}, ${finished(operands, sum, "_v")}, last); ` +
            `${sum} = vec4f();`
          : store(operands, sum, "_v"),
    )
  }
${turns ? "    begin = end;\n    if (last) { break; }\n  }" : ""}`;
}
