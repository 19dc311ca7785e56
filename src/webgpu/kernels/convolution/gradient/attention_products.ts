/**
 * WGSL of the products P[b,o,n,t] of one sample (src/graph/ops/convolution_grad.ts), from the accumulators of its
 * correlation: for a kernel of their own, and for the weight gradient's, which forms the same correlation.
 *
 * @module
 */

import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";
import type { Accumulator, CorrelationTile } from "./correlation.ts";

/** What the WGSL is written for. */
export interface AttentionProducts {
  /** n */
  readonly kernels: number;
  /** Taps of a row of the window. */
  readonly kw: number;
  readonly tile: CorrelationTile;
  /** Whether x is scaled; the numbers of the tile's blocks are then in channel0, channel1, ... */
  readonly channel: boolean;
  readonly depthwise: boolean;
  /**
   * Whether an invocation loads a tile's weights once for all its samples: where registers are the stack, as in software
   * adapters, that costs less than loading them again.
   */
  readonly kept: boolean;
}

function* names(
  { kernels, kw, tile }: AttentionProducts,
): Generator<{ n: number; o: number; k: number; name: string }> {
  for (let n = 0; n < kernels; n++) {
    for (let o = 0; o < tile.outputs; o++) for (let k = 0; k < kw; k++) yield { n, o, k, name: `p${n}_${o}_${k}` };
  }
}

/** Declares the products of a tile, zero. */
export function declareProducts(products: AttentionProducts): Wgsl {
  return [...names(products)].map(({ name }) => `var ${name} = vec4f();`);
}

/** WGSL of what an accumulator is multiplied by: a texel of kernel `n`, as ../weights/weight_layout.ts says. */
function weightOf({ depthwise }: AttentionProducts, n: number, { output, input, lane, tap }: Accumulator): string {
  const channels = depthwise
    ? "out_block"
    : `(((out_block + ${output}u) * u.group_inputs + i + ${input}u) * 4u + ${lane}u)`;
  return `weight(${n}u * u.weight_texels + ${channels} * u.taps + tap + ${tap}u)`;
}

/** Loads the weights of a tile, where they are kept. */
export function loadWeights(products: AttentionProducts, sums: readonly Accumulator[]): Wgsl {
  const numbers = Array.from({ length: products.kept ? products.kernels : 0 }, (_, n) => n);
  return sums.map((sum) => numbers.map((n) => `let w${n}_${sum.name} = ${weightOf(products, n, sum)};`));
}

/** Adds what the accumulators hold, times the n kernels. */
export function addProducts(products: AttentionProducts, sums: readonly Accumulator[]): Wgsl {
  const { kernels, channel, kept } = products;
  return sums.map((sum) => {
    const { name, input, lane, output, tap } = sum;
    const part = !channel ? name : `${name} * channel${input}${lane === undefined ? "" : `[${lane}]`}`;
    const weight = (n: number) => kept ? `w${n}_${name}` : weightOf(products, n, sum);
    const adds = Array.from({ length: kernels }, (_, n) => `p${n}_${output}_${tap} += part * ${weight(n)};`);
    return `{ let part = ${part}; ${adds.join(" ")} }`;
  });
}

/** Stores the products of sample `s` in the copy whose number is the WGSL `copy`. */
export function storeProducts(products: AttentionProducts, copy: string): Wgsl {
  return [...names(products)].map(({ n, o, k, name }) =>
    wgsl`
      if (o + ${o}u < u.group_outputs) {
        p[(((${copy} * u.batch + s) * u.out_blocks + out_block + ${o}u) * ${products.kernels}u + ${n}u) * u.taps + tap + ${k}u] = ${name};
      }`
  );
}
