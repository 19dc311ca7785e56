/**
 * Matrix products whose sums are long. tfjs adds all products of a result in one chain, which loses digits as the chain
 * grows; here they are sums of short chains, added in pairs.
 *
 * @module
 */

import { tf } from "../tfjs.ts";
import { compute } from "./typed_array.ts";

/** Products of one chain. */
export const PRODUCTS = 1024;

/** The rows of a product's second operand, some at a time. */
export function inChains(b: tf.Tensor2D): tf.Tensor2D[] {
  const [rows] = b.shape;
  if (rows <= PRODUCTS) return [b];
  const blocks = [];
  for (let row = 0; row < rows; row += PRODUCTS) {
    blocks.push(someRows(b, row, Math.min(PRODUCTS, rows - row)));
  }
  return blocks;
}

/** `count` rows of a matrix from the first on. tfjs's slice takes as long as the whole matrix is large. */
export function someRows(x: tf.Tensor2D, first: number, count: number): tf.Tensor2D {
  const [, columns] = x.shape;
  return compute([count, columns], [x], (out, x) => {
    out.set(x.subarray(first * columns, (first + count) * columns));
  }) as tf.Tensor2D;
}

/** a b, of b's rows as inChains() gives them. */
export function matrixProduct(a: tf.Tensor2D, b: readonly tf.Tensor2D[]): tf.Tensor2D {
  if (b.length === 1) return tf.matMul(a, b[0]);
  const columns = tf.split(a, b.map(({ shape: [rows] }) => rows), 1);
  return sumOf(b.map((rows, i) => () => tf.matMul(columns[i], rows)));
}

/** The sum of what these make, in pairs: no number takes part in more additions than pairs have levels. */
export function sumOf<T extends tf.Tensor>(terms: readonly (() => T)[]): T {
  if (terms.length === 1) return terms[0]();
  return tf.tidy(() => {
    const half = terms.length >> 1;
    return tf.add(sumOf(terms.slice(0, half)), sumOf(terms.slice(half)));
  });
}
