/**
 * Mean of each channel over all pixels of an image. Sums of eight pixels are added in float64: a chain of 12,544
 * float32 additions loses as many digits as an attention can tolerate.
 *
 * @module
 */

import {
  type Code,
  f32x4,
  f64x2,
  i32,
  increase,
  repeat,
  set,
  v128,
  type WasmFunction,
  wasmFunction,
} from "./assembler.ts";

/** Number of channels that are summed together: one cache line. */
export const MEAN_CHANNELS = 16;

/** Number of pixels that are summed in float32 before the sum is added in float64. A power of two. */
const TOGETHER = 8;

const VECTORS = MEAN_CHANNELS / 4;

/** The parameters. Addresses and distances are in bytes. */
const PARAMETERS = {
  /** [pixels][...], of which MEAN_CHANNELS channels are read. */
  x: "i32",
  /** Distance between neighbouring pixels. */
  pitch: "i32",
  pixels: "i32",
  /** [MEAN_CHANNELS] */
  y: "i32",
  /** 1 / pixels */
  share: "f64",
} as const;

/** "mean": y = share * the sum of x over the pixels. */
export const mean: WasmFunction<typeof PARAMETERS> = wasmFunction("mean", PARAMETERS, (p, variables) => {
  const lows = variables("v128", VECTORS), highs = variables("v128", VECTORS);
  const [sum, share] = variables("v128", 2);
  const [turns, at] = variables("i32", 2);
  /** Sums `count` pixels in float32, then advances the address. */
  const pixels = (count: number): Code => [
    lows.map((low, v) => [
      set(sum, v128.load(p.x, v * 16)),
      set(at, p.x),
      Array.from({ length: count - 1 }, () => [
        increase(at, p.pitch),
        set(sum, f32x4.add(sum, v128.load(at, v * 16))),
      ]),
      set(low, f64x2.add(low, f64x2.promoteLow(sum))),
      set(highs[v], f64x2.add(highs[v], f64x2.promoteHigh(sum))),
    ]),
    increase(p.x, i32.mul(p.pitch, count)),
  ];
  return [
    set(turns, i32.shiftRight(p.pixels, Math.log2(TOGETHER))),
    repeat(turns, pixels(TOGETHER)),
    set(turns, i32.and(p.pixels, TOGETHER - 1)),
    repeat(turns, pixels(1)),
    set(share, f64x2.splat(p.share)),
    lows.map((low, v) => v128.store(p.y, f64x2.demote(f64x2.mul(low, share), f64x2.mul(highs[v], share)), v * 16)),
  ];
});
