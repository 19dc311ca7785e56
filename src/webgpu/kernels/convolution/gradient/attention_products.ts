/**
 * WGSL of the products P[b,o,n,t] of one sample (src/graph/ops/convolution_grad.ts), from the accumulators of its
 * correlation. It is used by a separate kernel and by the weight gradient's kernel, which computes the same
 * correlation.
 *
 * @module
 */

import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";
import type { Accumulator, CorrelationTile } from "./correlation.ts";

/** The parameters of the WGSL. */
export interface AttentionProducts {
  /** n */
  readonly kernels: number;
  /** The taps of a row of the window. */
  readonly kw: number;
  readonly tile: CorrelationTile;
  /** Whether x is scaled. The factors of the tile's blocks are then in channel0, channel1, ... */
  readonly channel: boolean;
  readonly depthwise: boolean;
  /**
   * Whether an invocation loads a tile's weights once for all its samples. On software adapters registers are on the
   * stack, and this costs less than loading the weights again.
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

/** Returns WGSL that declares the products of a tile as zero. */
export function declareProducts(products: AttentionProducts): Wgsl {
  return [...names(products)].map(({ name }) => `var ${name} = vec4f();`);
}

/** Returns WGSL of an accumulator's factor: a texel of kernel `n`, in the layout of ../weights/weight_layout.ts. */
function weightOf({ depthwise }: AttentionProducts, n: number, { output, input, lane, tap }: Accumulator): string {
  const channels = depthwise
    ? "out_block"
    : `(((out_block + ${output}u) * u.group_inputs + i + ${input}u) * 4u + ${lane}u)`;
  return `weight(${n}u * u.weight_texels + ${channels} * u.taps + tap + ${tap}u)`;
}

/** Returns WGSL that loads the weights of a tile, if they are kept. */
export function loadWeights(products: AttentionProducts, sums: readonly Accumulator[]): Wgsl {
  const numbers = Array.from({ length: products.kept ? products.kernels : 0 }, (_, n) => n);
  return sums.map((sum) => numbers.map((n) => `let w${n}_${sum.name} = ${weightOf(products, n, sum)};`));
}

/** Returns WGSL that adds the accumulators times the n kernels to the products. */
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

/** Returns WGSL that stores the products of sample `s`. `copy` is WGSL of the number of the copy to store to. */
export function storeProducts(products: AttentionProducts, copy: string): Wgsl {
  return [...names(products)].map(({ n, o, k, name }) =>
    wgsl`
      if (o + ${o}u < u.group_outputs) {
        p[(((${copy} * u.batch + s) * u.out_blocks + out_block + ${o}u) * ${products.kernels}u + ${n}u) * u.taps + tap + ${k}u] = ${name};
      }`
  );
}
