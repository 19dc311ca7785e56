/** Resizes images: weighted sums along columns, then along rows, from tables. */

import type { Node, Shape } from "../../../graph/graph.ts";
import {
  type AxisTable,
  gradientTables,
  type interpolate,
  type interpolateGrad,
  interpolationTables,
} from "../../../graph/ops/interpolate.ts";
import type { tf } from "../../tfjs.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { compute } from "../tensors/typed_array.ts";

/** The resized image. */
export const interpolateKernel: Kernel<Node<typeof interpolate>> = {
  run({ x }, { operands, output, attributes }) {
    const [, , height, width] = operands.x.shape;
    return resize(x!, operands.x.shape, output.shape, interpolationTables([height, width], attributes));
  },
};

/** The gradient with respect to the image. */
export const interpolateGradKernel: Kernel<Node<typeof interpolateGrad>> = {
  run: ({ gradient }, { operands, output, attributes }) =>
    resize(gradient!, operands.gradient.shape, output.shape, gradientTables(attributes.inputSize, attributes)),
};

function resize(x: tf.Tensor, from: Shape, to: Shape, [rows, columns]: [AxisTable, AxisTable]): tf.Tensor {
  const [batch, channels, height, width] = from;
  return compute(to, [x], (out, x) => {
    const sums = new Float64Array(channels);
    for (let b = 0, y = 0; b < batch; b++) {
      for (const row of rows) {
        for (const column of columns) {
          sums.fill(0);
          row.weights.forEach((vertical, r) => {
            let at = ((b * height + row.first + r) * width + column.first) * channels;
            for (const horizontal of column.weights) {
              const weight = vertical * horizontal;
              for (let c = 0; c < channels; c++, at++) sums[c] += weight * x[at];
            }
          });
          out.set(sums, y);
          y += channels;
        }
      }
    }
  });
}
