/** The weight of one sample (ODConv, equation 2), for one block of output channels of ./convolution.ts. */

import { f32x4, FunctionWriter, increase, repeat, set, v128, type WasmFunction } from "./assembler.ts";
import { type MultiplyAdd, OUTPUTS } from "./convolution.ts";

/** The parameters. Addresses and distances are in bytes. */
const PARAMETERS = {
  /** The block of the first kernel, [taps][input channels][OUTPUTS]. */
  bank: "i32",
  /** From a kernel to the next. */
  pitch: "i32",
  /** The four attentions of the sample, [kernels], [taps], [input channels] and [OUTPUTS]. */
  kernel: "i32",
  spatial: "i32",
  channel: "i32",
  filter: "i32",
  kernels: "i32",
  taps: "i32",
  channels: "i32",
  /** The block of the weight, laid out as the bank's. */
  weight: "i32",
} as const;

/** Numbers by the parameters' names. */
export type MixArguments = { readonly [K in keyof typeof PARAMETERS]: number };

/** The arguments in the order of the parameters. */
export function mixArguments(args: MixArguments): number[] {
  return Object.keys(PARAMETERS).map((name) => args[name as keyof MixArguments]);
}

/** "mix": weight = spatial channel filter (sum over kernels of kernel bank). */
export function mix(multiplyAdd: MultiplyAdd): WasmFunction {
  const f = new FunctionWriter("mix");
  const p = f.parameters(PARAMETERS);
  const [channel, bank, kernel, i, c] = f.locals("i32", 5);
  const sums = f.locals("v128", OUTPUTS / 4), filter = f.locals("v128", OUTPUTS / 4);
  const [number, loaded] = f.locals("v128", 2);
  const code = [
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
          increase(kernel, 4),
        ]),
        set(number, f32x4.mul(v128.loadSplat(p.spatial), v128.loadSplat(channel))),
        sums.map((sum, v) => v128.store(p.weight, f32x4.mul(f32x4.mul(sum, number), filter[v]), v * 16)),
        increase(p.bank, OUTPUTS * 4),
        increase(p.weight, OUTPUTS * 4),
        increase(channel, 4),
      ]),
      increase(p.spatial, 4),
    ]),
  ];
  return { writer: f, code };
}
