/**
 * Convolution of one image with some blocks of OUTPUTS output channels.
 *
 * A tile of PIXELS pixels by OUTPUTS channels stays in registers while the code loops over the window and the input
 * channels. Common machines have 16 registers of four numbers. Each step loads two vectors of weights and six numbers
 * of the image for twelve multiply-adds. A table gives the addresses that a window reads, so strides, dilations and
 * padding cost nothing here.
 *
 * Long sums are split into short ones. Partial sums are kept in memory. A chain of n additions loses as many digits as
 * sqrt(n) has: with 4608 products in one chain, the result is ten times as far from the exact value as PyTorch's.
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

/** Number of pixels in a tile. */
export const PIXELS = 6;

/** Number of output channels in a block. */
export const OUTPUTS = 8;

/** Number of vectors of four numbers in a block. */
export const VECTORS = OUTPUTS / 4;

/** Bytes per number. */
export const NUMBER = Float32Array.BYTES_PER_ELEMENT;

/** Base-2 logarithm of the input channels per loop iteration. */
const UNROLLED = 2;

/** Smallest number of products that are added in one chain before the sum is added to the totals. */
export const CHAIN = 128;

/** a b + c. */
export type MultiplyAdd = (a: Local, b: Local, c: Local) => Code;

/** The parameters. Addresses and distances are in bytes. */
const PARAMETERS = {
  /** Address of the image's first channel that is used. */
  x: "i32",
  /**
   * For every tile: the indices of the PIXELS pixels that it writes. Then for every tap: the PIXELS addresses that it
   * reads, relative to x, or -1.
   */
  table: "i32",
  /** Address of zeros, which are read in place of the padding. */
  zeros: "i32",
  /** [blocks][taps][input channels][OUTPUTS]. */
  weight: "i32",
  /** [blocks][OUTPUTS]. */
  bias: "i32",
  /** Address of memory for PIXELS times OUTPUTS partial sums. */
  totals: "i32",
  /** Address of the values that are added to the result, with the result's layout, or 0. */
  residual: "i32",
  /** [pixels][...]. Only the channels of these blocks are written. */
  y: "i32",
  /** Distance between neighbouring pixels of y. */
  pitch: "i32",
  tiles: "i32",
  /** Number of blocks that are computed for a tile before the next tile. */
  blocks: "i32",
  taps: "i32",
  channels: "i32",
  /** Lower and upper limit of the result. */
  least: "f32",
  most: "f32",
} as const;

/**
 * Writes the kernel. In "convolve" every output channel reads all input channels. "long" is the same for long sums. In
 * "depthwise" every output channel reads its own input channel: `channels` is 1, and x is the address of the first
 * block's channels.
 */
export function convolution(
  name: "convolve" | "long" | "depthwise",
  multiplyAdd: MultiplyAdd,
): WasmFunction<typeof PARAMETERS> {
  return wasmFunction(name, PARAMETERS, (p, variables) => {
    const pixels = variables("i32", PIXELS);
    const [weight, block, tap, channel] = variables("i32", 4);
    /** Input channels of a tap that remain, input channels of the next chain, and a loop counter. */
    const [rest, part, turn] = variables("i32", 3);
    /**
     * Number of products in the sums since they were last added to the totals, and whether the totals hold anything.
     */
    const [chained, kept] = variables("i32", 2);
    /** Offset of a block within a pixel of y, and address of the block's input channels. */
    const [column, x] = variables("i32", 2);
    /** Address of a load or a store. */
    const [at] = variables("i32", 1);
    const sums = variables("v128", PIXELS * VECTORS), weights = variables("v128", VECTORS);
    const [number] = variables("v128", 1);
    const [least, most] = weights; // reused after the sums are complete, so that at most 16 vectors are live at once

    /** One input channel of all pixels, the i-th from the current addresses. */
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
    /** `count` input channels, then advances the addresses. */
    const steps = (count: number): Code => [
      Array.from({ length: count }, (_, i) => step(i)),
      pixels.map((pixel) => increase(pixel, count * NUMBER)),
      increase(weight, count * OUTPUTS * NUMBER),
    ];
    const addTotals = sums.map((sum, i) => set(sum, f32x4.add(v128.load(p.totals, i * 16), sum)));
    /** Adds the sums to the totals and clears the sums. */
    const keep: Code = [
      when(kept, addTotals),
      sums.map((sum, i) => [v128.store(p.totals, sum, i * 16), set(sum, v128.zero)]),
      set(kept, 1),
      set(chained, 0),
    ];
    /** As many input channels as the local holds. */
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
    /** Address of the block in a pixel of y, or of a tensor with y's layout. */
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
