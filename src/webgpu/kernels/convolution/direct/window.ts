/**
 * WGSL of a window that slides over an image, for kernels whose invocations load their own operands.
 *
 * @module
 */

import { type Wgsl, wgsl } from "../../wgsl/wgsl.ts";

/**
 * Returns WGSL that loads a row of the halo as x0, x1, ... `row` is the signed texel index of the tile's first column.
 */
export function loadHalo(halo: readonly number[], padded: boolean): Wgsl {
  return halo.map((j) =>
    padded
      ? `let x${j} = select(vec4f(), x(u32(row + ${j})), u32(left + ${j}) < u.width);`
      : `let x${j} = x(u32(row + ${j}));`
  );
}

/**
 * Returns WGSL of the window's rows that are inside the image for any of a tile's rows. `top` is the first row of the
 * window of the tile's first row.
 */
export function windowRows(rows = 1): string {
  const lowest = rows === 1 ? "-top" : `-top - ${rows - 1} * i32(u.stride_y)`;
  return wgsl`
    let top = i32(row_out * u.stride_y) - i32(u.padding_y);
    let first_ky = (max(0, ${lowest}) + i32(u.dilation_y) - 1) / i32(u.dilation_y);
    let end_ky = min(i32(u.kernel_y), (max(0, i32(u.height) - top) + i32(u.dilation_y) - 1) / i32(u.dilation_y));`;
}
