/**
 * A convolution of one image with some blocks of OUTPUTS output channels.
 *
 * A tile of PIXELS pixels by OUTPUTS channels stays in registers (16 of four numbers are what machines have) while the
 * window and the input channels go by: two loads of weights and six numbers of the image for twelve multiply-adds. Where
 * a window reads comes from a table, so that strides, dilations and padding cost nothing here.
 *
 * Long sums are sums of short ones, which lie in memory meanwhile: a chain of n additions rounds as if it lost the digits
 * of sqrt(n), and 4608 products in one are ten times as far from the truth as PyTorch.
 *
 * @module
 */

import {
  type Code,
  f32x4,
  i32,
  increase,
  type Local,
  repeat,
  select,
  set,
  v128,
  type WasmFunction,
  wasmFunction,
  when,
} from "./assembler.ts";

/** Pixels of a tile. */
export const PIXELS = 6;

/** Output channels of a block. */
export const OUTPUTS = 8;

/** Vectors of four in a block. */
export const VECTORS = OUTPUTS / 4;

/** Bytes of a number. */
export const NUMBER = Float32Array.BYTES_PER_ELEMENT;

/** Input channels a turn of the loop: 2 to the power of this. */
const UNROLLED = 2;

/** Products that are added one after the other, at least, before the totals take their sum. */
export const CHAIN = 128;

/** a b + c. */
export type MultiplyAdd = (a: Local, b: Local, c: Local) => Code;

/** The parameters. Addresses and distances are in bytes. */
const PARAMETERS = {
  /** Of the image's first channel that counts. */
  x: "i32",
  /** For every tile: the PIXELS pixels it writes, then for every tap the PIXELS addresses it reads, from x, or -1. */
  table: "i32",
  /** Where zeros lie, for what reads the padding. */
  zeros: "i32",
  /** [blocks][taps][input channels][OUTPUTS]. */
  weight: "i32",
  /** [blocks][OUTPUTS]. */
  bias: "i32",
  /** Where PIXELS times OUTPUTS numbers may be kept meanwhile. */
  totals: "i32",
  /** 0, or what is added to the result, laid out as it. */
  residual: "i32",
  /** [pixels][...], of which these blocks' channels are written. */
  y: "i32",
  /** From a pixel of y to the next. */
  pitch: "i32",
  tiles: "i32",
  /** Blocks that a tile goes through before the next tile. */
  blocks: "i32",
  taps: "i32",
  channels: "i32",
  /** What the result is confined to. */
  least: "f32",
  most: "f32",
} as const;

/**
 * "convolve", every output channel of which sees all input channels, "long", the same for long sums, or "depthwise", where each
 * sees its own: there the channels are 1, and x points to the first block's.
 */
export function convolution(
  name: "convolve" | "long" | "depthwise",
  multiplyAdd: MultiplyAdd,
): WasmFunction<typeof PARAMETERS> {
  return wasmFunction(name, PARAMETERS, (p, variables) => {
    const pixels = variables("i32", PIXELS);
    const [weight, block, tap, channel] = variables("i32", 4);
    /** Input channels that are still to come of a tap, and that come next. */
    const [rest, part, turn] = variables("i32", 3);
    /** Products that the sums have since the totals took them, and whether these hold any. */
    const [chained, kept] = variables("i32", 2);
    /** Where a block begins in a pixel of y; where its channels are read. */
    const [column, x] = variables("i32", 2);
    /** Where something is read or written. */
    const [at] = variables("i32", 1);
    const sums = variables("v128", PIXELS * VECTORS), weights = variables("v128", VECTORS);
    const [number] = variables("v128", 1);
    const [least, most] = weights; // once the sums are there, so that no more than 16 vectors are held at once

    /** One input channel of all pixels, the i-th from where the addresses point. */
    const step = (i: number): Code => [
      weights.map((w, v) => set(w, v128.load(weight, (i * VECTORS + v) * 16))),
      pixels.map((pixel, row) =>
        name !== "depthwise"
          ? [
            set(number, v128.loadSplat(pixel, i * NUMBER)),
            weights.map((w, v) => set(sums[row * VECTORS + v], multiplyAdd(number, w, sums[row * VECTORS + v]))),
          ]
          : weights.map((w, v) => [
            set(number, v128.load(pixel, v * 16)),
            set(sums[row * VECTORS + v], multiplyAdd(number, w, sums[row * VECTORS + v])),
          ])
      ),
    ];
    /** `count` input channels, and on to the next. */
    const steps = (count: number): Code => [
      Array.from({ length: count }, (_, i) => step(i)),
      pixels.map((pixel) => increase(pixel, count * NUMBER)),
      increase(weight, count * OUTPUTS * NUMBER),
    ];
    const addTotals = sums.map((sum, i) => set(sum, f32x4.add(v128.load(p.totals, i * 16), sum)));
    /** The totals take the sums. */
    const keep: Code = [
      when(kept, addTotals),
      sums.map((sum, i) => [v128.store(p.totals, sum, i * 16), set(sum, v128.zero)]),
      set(kept, 1),
      set(chained, 0),
    ];
    /** As many input channels as the local says. */
    const channelsOf = (count: Local): Code => [
      set(channel, i32.shiftRight(count, UNROLLED)),
      repeat(channel, steps(1 << UNROLLED)),
      set(channel, i32.and(count, (1 << UNROLLED) - 1)),
      repeat(channel, steps(1)),
    ];
    /** All input channels of a tap, in chains. */
    const inChains: Code = [
      set(rest, p.channels),
      set(turn, i32.shiftRight(i32.add(rest, CHAIN - 1), Math.log2(CHAIN))),
      repeat(turn, [
        set(part, select(CHAIN, rest, i32.lessThan(CHAIN, rest))),
        set(rest, i32.sub(rest, part)),
        channelsOf(part),
        increase(chained, part),
        when(i32.lessThan(CHAIN - 1, chained), keep),
      ]),
    ];
    const oneTap = { convolve: channelsOf(p.channels), long: inChains, depthwise: steps(1) }[name];
    /** Where the block of a pixel begins in y or what is laid out as it. */
    const pixelOf = (base: Local, row: number): Code => {
      return i32.add(i32.add(base, column), i32.mul(i32.load(p.table, row * NUMBER), p.pitch));
    };

    const oneBlock: Code = [
      set(at, i32.add(p.bias, column)),
      sums.map((sum, i) => set(sum, v128.load(at, (i % VECTORS) * 16))),
      when(
        p.residual,
        pixels.map((_, row) => [
          set(at, pixelOf(p.residual, row)),
          weights.map((_, v) => {
            const sum = sums[row * VECTORS + v];
            return set(sum, f32x4.add(sum, v128.load(at, v * 16)));
          }),
        ]),
      ),
      set(x, name !== "depthwise" ? p.x : i32.add(p.x, column)),
      set(chained, 0),
      set(kept, 0),
      set(at, p.table),
      set(tap, p.taps),
      repeat(tap, [
        increase(at, PIXELS * NUMBER),
        pixels.map((pixel, row) => [
          set(pixel, i32.load(at, row * NUMBER)),
          set(pixel, select(p.zeros, i32.add(x, pixel), i32.lessThan(pixel, 0))),
        ]),
        oneTap,
      ]),
      name === "long" ? when(kept, addTotals) : [],
      set(least, f32x4.splat(p.least)),
      set(most, f32x4.splat(p.most)),
      pixels.map((_, row) => [
        set(at, pixelOf(p.y, row)),
        weights.map((_, v) => {
          return v128.store(at, f32x4.pmin(f32x4.pmax(sums[row * VECTORS + v], least), most), v * 16);
        }),
      ]),
      increase(column, OUTPUTS * NUMBER),
    ];
    const tile: Code = [
      set(weight, p.weight),
      set(column, 0),
      set(block, p.blocks),
      repeat(block, oneBlock),
      increase(p.table, i32.mul(i32.add(p.taps, 1), PIXELS * NUMBER)),
    ];
    return repeat(p.tiles, tile);
  });
}
