/**
 * Matrix products with long sums. tfjs adds all products of a result in one chain, and loses more digits the longer the
 * chain is. Here the sum is split into short chains, whose results are added in pairs.
 *
 * @module
 */

import { tf } from "../../tfjs.ts";
import { compute } from "../tensors/typed_array.ts";

/** Number of products in a chain. */
export const PRODUCTS = 1024;

/** Splits the rows of a product's second operand into chains. */
export function inChains(b: tf.Tensor2D): tf.Tensor2D[] {
  const [rows] = b.shape;
  if (rows <= PRODUCTS) return [b];
  const blocks = [];
  for (let row = 0; row < rows; row += PRODUCTS) {
    blocks.push(someRows(b, row, Math.min(PRODUCTS, rows - row)));
  }
  return blocks;
}

/** Returns `count` rows of a matrix, starting with `first`. The time of tfjs's slice grows with the whole matrix. */
export function someRows(x: tf.Tensor2D, first: number, count: number): tf.Tensor2D {
  const [, columns] = x.shape;
  return compute([count, columns], [x], (out, x) => {
    out.set(x.subarray(first * columns, (first + count) * columns));
  }) as tf.Tensor2D;
}

/** The product a b. `b` is split into rows by inChains(). */
export function matrixProduct(a: tf.Tensor2D, b: readonly tf.Tensor2D[]): tf.Tensor2D {
  if (b.length === 1) return tf.matMul(a, b[0]);
  const columns = tf.split(a, b.map(({ shape: [rows] }) => rows), 1);
  return sumOf(b.map((rows, i) => () => tf.matMul(columns[i], rows)));
}

/** Returns the sum of the terms, added in pairs: the number of additions per term is the depth of the tree. */
export function sumOf<T extends tf.Tensor>(terms: readonly (() => T)[]): T {
  if (terms.length === 1) return terms[0]();
  return tf.tidy(() => {
    const half = terms.length >> 1;
    return tf.add(sumOf(terms.slice(0, half)), sumOf(terms.slice(half)));
  });
}
