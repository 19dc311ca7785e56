import type { tf } from "../../tfjs.ts";
import { compute } from "../tensors/typed_array.ts";

/** Side length of the squares that are transposed one after the other. The data stays in the cache until it is used. */
const BLOCK = 16;

/**
 * Transposes matrices [n, rows, columns], given in any shape, to [n, columns, rows]. tfjs takes two to four times as
 * long.
 */
export function transposeMatrices(x: tf.Tensor, rows: number, columns: number): tf.Tensor3D {
  const n = x.size / (rows * columns);
  return compute([n, columns, rows], [x], (out, x) => {
    for (let matrix = 0; matrix < x.length; matrix += rows * columns) {
      for (let top = 0; top < rows; top += BLOCK) {
        const bottom = Math.min(rows, top + BLOCK);
        for (let left = 0; left < columns; left += BLOCK) {
          const right = Math.min(columns, left + BLOCK);
          for (let row = top; row < bottom; row++) {
            for (let column = left; column < right; column++) {
              out[matrix + column * rows + row] = x[matrix + row * columns + column];
            }
          }
        }
      }
    }
  }) as tf.Tensor3D;
}
