/** Computes the weight of one sample (ODConv, equation 2), for one block of output channels of ./convolution.ts. */

import { f32x4, increase, repeat, set, v128, type WasmFunction, wasmFunction } from "./assembler.ts";
import { type MultiplyAdd, NUMBER, OUTPUTS, VECTORS } from "./convolution.ts";

/** The parameters. Addresses and distances are in bytes. */
const PARAMETERS = {
  /** The first kernel's block, [taps][input channels][OUTPUTS]. */
  bank: "i32",
  /** Distance between neighbouring kernels. */
  pitch: "i32",
  /** The sample's four attentions: [kernels], [taps], [input channels] and [OUTPUTS]. */
  kernel: "i32",
  spatial: "i32",
  channel: "i32",
  filter: "i32",
  kernels: "i32",
  taps: "i32",
  channels: "i32",
  /** The weight's block, with the layout of `bank`. */
  weight: "i32",
} as const;

/** "mix": weight = spatial * channel * filter * (sum over the kernels of kernel * bank). */
export function mix(multiplyAdd: MultiplyAdd): WasmFunction<typeof PARAMETERS> {
  return wasmFunction("mix", PARAMETERS, (p, variables) => {
    const [channel, bank, kernel, i, c] = variables("i32", 5);
    const sums = variables("v128", VECTORS), filter = variables("v128", VECTORS);
    const [number, loaded] = variables("v128", 2);
    return [
      filter.map((vector, v) => set(vector, v128.load(p.filter, v * 16))),
      repeat(p.taps, [
        set(channel, p.channel),
        set(c, p.channels),
        repeat(c, [
          sums.map((sum) => set(sum, v128.zero)),
          set(bank, p.bank),
          set(kernel, p.kernel),
          set(i, p.kernels),
          repeat(i, [
            set(number, v128.loadSplat(kernel)),
            sums.map((sum, v) => [
              set(loaded, v128.load(bank, v * 16)),
              set(sum, multiplyAdd(number, loaded, sum)),
            ]),
            increase(bank, p.pitch),
            increase(kernel, NUMBER),
          ]),
          set(number, f32x4.mul(v128.loadSplat(p.spatial), v128.loadSplat(channel))),
          sums.map((sum, v) => v128.store(p.weight, f32x4.mul(f32x4.mul(sum, number), filter[v]), v * 16)),
          increase(p.bank, OUTPUTS * NUMBER),
          increase(p.weight, OUTPUTS * NUMBER),
          increase(channel, NUMBER),
        ]),
        increase(p.spatial, NUMBER),
      ]),
    ];
  });
}
