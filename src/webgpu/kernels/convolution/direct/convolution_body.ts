/**
 * The WGSL of a convolution with register tiles (./convolution.ts). Only the loop over input channels and the window's
 * rows is not unrolled. Variable names contain their indices:
 *
 *     a{row}_{column}_{output}    the sums of a pixel of the tile and a block of output channels
 *     x{row}_{column}             an input texel of the halo of that row
 *     w{lane}_{output}            the weight of an input or output channel of a block
 *     m{kernel}_{tap}             the factor of a kernel's weights
 *
 * @module
 */

import { blocksOf } from "../../../plan/layout.ts";
import type { Tile } from "../../../plan/variant.ts";
import { haloColumns } from "../../wgsl/halo.ts";
import { numberOf } from "../../wgsl/numbers.ts";
import { range } from "../../wgsl/range.ts";
import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import { loadEpilogue, store } from "../operands/epilogue.ts";
import type { ConvolutionOperands } from "../operands/operands.ts";
import { addWeighted, weightLanes } from "../weights/weight_layout.ts";
import { numberTiles, type Order } from "./dispatch_order.ts";
import { windowRows } from "./window.ts";

/** The parameters of the WGSL. */
export interface DirectConvolution {
  readonly geometry: ConvolutionGeometry;
  readonly operands: ConvolutionOperands;
  readonly tile: Required<Pick<Tile, "columns" | "rows" | "outputs" | "lanes">>;
  readonly order: Order;
  /**
   * The widths of input and output, if a tile covers whole rows. Columns outside the image are then known and left out.
   */
  readonly whole?: { readonly width: number; readonly outWidth: number };
}

/** Returns the columns of a tile that are in the output. */
function columnsOf({ tile: { columns }, whole }: DirectConvolution): number[] {
  return range(Math.min(columns, whole?.outWidth ?? columns));
}

/** Whether a column of the halo, counted from the tile's first, may be inside the image. */
function isInside({ geometry: { padding: [, px] }, whole }: DirectConvolution, column: number): boolean {
  return whole === undefined || (column >= px && column < px + whole.width);
}

/** Most additions of a chain. The rounding error grows with the square root of a chain's length. */
const CHAIN = 512;

/**
 * Returns the iterations of the loop per chain, if there are many more in total. Between chains, y holds the sums.
 * Returns undefined if all iterations fit one chain.
 */
function turnsOfChain({ kernel: [kh, kw], groupInputs }: ConvolutionGeometry): number | undefined {
  return groupInputs * kh * kw > 2 * CHAIN ? Math.floor(CHAIN / kw) : undefined;
}

/**
 * WGSL of a loop of `rows` iterations that sets `i` and `ky`: the code before the loop and at the beginning of
 * iteration `n`.
 */
interface InputLoop {
  readonly start: string;
  readonly turn: string;
}

/** The loop over the input blocks of a group, if the window has one row. */
const EACH_INPUT: InputLoop = {
  start: wgsl`
    let ky = 0;
    let rows = select(0u, u.group_inputs, first_ky < end_ky);`,
  turn: "let i = n;",
};

/**
 * The loop over the input blocks of a group and the window's rows. It is one loop, not two. Software adapters keep the
 * accumulators in memory and would copy all of them at the borders of an inner loop. That would take half the time.
 */
const EACH_INPUT_ROW: InputLoop = {
  start: wgsl`
    var next_i = 0u;
    var next_ky = first_ky;
    let rows = u.group_inputs * u32(max(0, end_ky - first_ky));`,
  turn: wgsl`
    let i = next_i;
    let ky = next_ky;
    let last = ky + 1 == end_ky;
    next_i = i + select(0u, 1u, last);
    next_ky = select(ky + 1, first_ky, last);`,
};

/** Returns the body of the kernel. */
export function convolutionBody(convolution: DirectConvolution): string {
  const { geometry, operands, tile, order, whole } = convolution;
  const { kernel: [kh, kw], stride: [, sx], padding: [, px] } = geometry;
  const { layout, perSampleWeights } = operands;
  const turns = turnsOfChain(geometry);
  const loop = kh === 1 ? EACH_INPUT : EACH_INPUT_ROW;
  return wgsl`
    ${numberTiles(order, perSampleWeights, tile.lanes)}
    let column = ${whole === undefined ? `tile % u.tiles * ${tile.columns}u` : "0u"};
    let row_out = tile / u.tiles * ${tile.rows}u;
    let o = out_tile * ${tile.outputs}u;
    let s = sample + u.first_sample;
    let group = o / u.group_outputs;
    let left = ${whole === undefined ? `i32(column) * ${sx} - i32(u.padding_x)` : -px};
    let w_base = sample * u.w_sample + group * u.w_group + o % u.group_outputs * u.w_output;
    ${windowRows(tile.rows)}
    ${loadAttentions(convolution)}
    ${
    range(tile.rows).map((r) =>
      columnsOf(convolution).map((t) => range(tile.outputs).map((o) => `var a${r}_${t}_${o} = vec4f();`))
    )
  }
    ${loop.start}
    ${
    turns
      ? wgsl`
          var begin = 0u;
          loop {
          let end = begin + ${turns}u;
          let last = end >= rows;
          for (var n = begin; n < min(rows, end); n++) {`
      : "for (var n = 0u; n < rows; n++) {"
  }
      ${loop.turn}
      let c = group * u.group_inputs + i;
      let plane_in = i32((s * u.in_blocks + c) * u.height * u.width);
      let w = w_base + i * u.w_input + ${layout.reversed ? `u32(${kh - 1} - ky)` : "u32(ky)"} * ${kw}u;
      ${scaleTurn(convolution)}
      ${range(tile.rows).map((r) => loadRow(convolution, r))}
      ${range(kw).map((k) => addTap(convolution, k))}
    }
    ${storeSums(convolution, turns !== undefined)}
    ${
    turns && wgsl`
        begin = end;
        if (last) { break; }
        }`
  }`;
}

/** Returns WGSL that loads what all iterations use: the attentions of the window's taps and of the kernels. */
function loadAttentions({ geometry, operands }: DirectConvolution): string {
  const { kernel: [kh, kw] } = geometry;
  const { layout, spatial, kernel, kernels = 1 } = operands;
  const place = (ky: number, k: number) => layout.reversed ? kh * kw - 1 - (ky * kw + k) : ky * kw + k;
  const numbers = (name: string, count: number, i: number) => numberOf(name, `s * ${blocksOf(count)}u`, i);
  return wgsl`
    ${
    spatial && range(kh).map((ky) =>
      range(kw).map((k) => `let spatial${ky}_${k} = ${numbers("spatial", kh * kw, place(ky, k))};`)
    )
  }
    ${kernel && range(kernels).map((i) => `let mix${i} = ${numbers("kernel", kernels, i)};`)}`;
}

/**
 * Returns WGSL of the factors for an iteration's pixels and weights. It selects the attentions of the iteration's
 * window row.
 */
function scaleTurn({ geometry, operands }: DirectConvolution): string {
  const { kernel: [kh, kw] } = geometry;
  const { channel, spatial, kernel, kernels = 1 } = operands;
  const tap = (k: number) =>
    range(kh).slice(1).reduce((rest, ky) => `select(${rest}, spatial${ky}_${k}, ky == ${ky})`, `spatial0_${k}`);
  const factors = (i: number, k: number) =>
    [kernel && `mix${i}`, spatial && `tap${k}`].filter((factor) => factor).join(" * ");
  return wgsl`
    ${channel && "let scale = channel(s * u.in_blocks + c);"}
    ${spatial && range(kw).map((k) => `let tap${k} = ${tap(k)};`)}
    ${(spatial || kernel) && range(kw).map((k) => range(kernels).map((i) => `let m${i}_${k} = ${factors(i, k)};`))}`;
}

/** Returns WGSL that loads a row of the halo. If a tile has several rows, some may be outside the image. */
function loadRow(convolution: DirectConvolution, r: number): string {
  const { geometry, operands: { channel }, tile, whole } = convolution;
  const { kernel: [, kw], stride: [, sx], padding: [, px], dilation: [, dx] } = geometry;
  const halo = haloColumns(columnsOf(convolution).length, kw, sx, dx).filter((j) => isInside(convolution, j));
  const load = (j: number) => {
    const texel = `x(u32(row${r} + ${j}))${channel ? " * scale" : ""}`;
    const conditions = [
      tile.rows > 1 && `u32(y${r}) < u.height`,
      px > 0 && whole === undefined && `u32(left + ${j}) < u.width`,
    ].filter((condition) => condition);
    return conditions.length ? `select(vec4f(), ${texel}, ${conditions.join(" && ")})` : texel;
  };
  return wgsl`
    let y${r} = top + ${r} * i32(u.stride_y) + ky * i32(u.dilation_y);
    let row${r} = plane_in + y${r} * i32(u.width) + left;
    ${halo.map((j) => `let x${r}_${j} = ${load(j)};`)}`;
}

/** Returns WGSL that adds the products of one tap of the window's row. */
function addTap(convolution: DirectConvolution, k: number): string {
  const { geometry: { input, kernel: [, kw], stride: [, sx], dilation: [, dx] }, operands, tile } = convolution;
  const { layout, spatial, kernel, kernels = 1 } = operands;
  const lanes = weightLanes(layout, input.channels);
  const along = layout.reversed ? kw - 1 - k : k;
  const weight = (l: number, o: number) =>
    range(kernels).map((i) => {
      const first = i === 0 ? "" : ` + ${i}u * u.w_kernel`;
      const scale = spatial || kernel ? ` * m${i}_${k}` : "";
      return `weight(w${first} + ${o}u * u.w_output + ${l}u * u.w_lane + ${along}u)${scale}`;
    }).join(" + ");
  const column = (t: number) => t * sx + k * dx;
  const add = (r: number, t: number, o: number) => {
    const weights = lanes.map((l) => `w${l}_${o}`);
    return addWeighted(layout, `a${r}_${t}_${o}`, `x${r}_${column(t)}`, weights, input.channels);
  };
  const met = columnsOf(convolution).filter((t) => isInside(convolution, column(t)));
  return wgsl`
    {
      ${lanes.map((l) => range(tile.outputs).map((o) => `let w${l}_${o} = ${weight(l, o)};`))}
      ${range(tile.rows).map((r) => met.map((t) => range(tile.outputs).map((o) => add(r, t, o))))}
    }`;
}

/** Returns WGSL that stores the sums. With several chains, it adds the sums to those in y. */
function storeSums(convolution: DirectConvolution, isChain: boolean): Wgsl {
  const { operands, tile, whole } = convolution;
  const stored = (sum: string) =>
    isChain
      ? `if (begin > 0u) { ${sum} += y[at]; } ${store(operands, sum, "last")} ${sum} = vec4f();`
      : store(operands, sum);
  const pixel = (r: number, t: number, o: number) => {
    const inside = [
      whole === undefined && `column + ${t}u < u.out_width`,
      tile.rows > 1 && `row_out + ${r}u < u.out_height`,
    ]
      .filter((condition) => condition).join(" && ");
    const at = `(first + row_out + ${r}u) * u.out_width + column + ${t}u`;
    return `${inside && `if (${inside}) `}{ let at = ${at}; ${stored(`a${r}_${t}_${o}`)} }`;
  };
  return range(tile.outputs).map((o) =>
    wgsl`
      if (o + ${o}u < u.out_blocks) {
        ${loadEpilogue(operands, `o + ${o}u`)}
        let first = (s * u.out_blocks + o + ${o}u) * u.out_height;
        ${range(tile.rows).map((r) => columnsOf(convolution).map((t) => pixel(r, t, o)))}
      }`
  );
}
