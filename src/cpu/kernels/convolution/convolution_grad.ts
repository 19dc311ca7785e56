/**
 * The backward pass of conv2d and dynamic_conv2d. Channel and filter attention scale the images and the gradients.
 * Spatial and kernel attention make a weight per sample, so these samples are processed one at a time, and at most one
 * sample's buffer of the weight's size is kept. Samples with given weights are also processed one at a time.
 *
 * @module
 */

import type { Node } from "../../../graph/graph.ts";
import type {
  conv2dAttentionProducts,
  conv2dInputGrad,
  conv2dWeightGrad,
} from "../../../graph/ops/convolution_grad.ts";
import { isPerSample } from "../../../graph/ops/convolution_grad.ts";
import { tf } from "../../tfjs.ts";
import { type Contraction, contractionOf } from "./contraction.ts";
import { inputProduct, weightProduct } from "./contractions.ts";
import { perChannel } from "../elementwise/elementwise.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { deviceShape } from "../tensors/device_shape.ts";
import { mixKernels } from "./mix_kernels.ts";
import { transposeMatrices } from "../layout/transpose.ts";
import { compute } from "../tensors/typed_array.ts";

/** Largest number of patch elements that are made at once if several samples share a weight: 16 MB. */
const PATCHES = 2 ** 22;

/** The gradient with respect to x, or to channel attention times x. */
export const conv2dInputGradKernel: Kernel<Node<typeof conv2dInputGrad>> = {
  run({ gradient, weight, filter, spatial, kernel }, { operands, output: { shape }, attributes }) {
    const c = contractionOf(shape, operands.weight.shape, operands.gradient.shape, attributes);
    const scaled = filter ? tf.mul(gradient!, perChannel(filter)) : gradient!;
    const perSample = isPerSample(operands.weight.shape, operands.kernel);
    const step = kernel || spatial || perSample ? 1 : samplesAtOnce(c);
    const each = [c.cout, c.taps, c.cin / c.groups] as const;
    return concatenated(shape[0], step, (b, count) => {
      const own = perSample ? samples(weight!, b, 1) : mixKernels(weight!, each, b, kernel, spatial);
      return inputProduct(samples(scaled, b, count), own, c);
    });
  },
};

/** The gradient with respect to the weight, summed over the batch unless each sample has its own weight. */
export const conv2dWeightGradKernel: Kernel<Node<typeof conv2dWeightGrad>> = {
  run({ x, gradient, channel, filter, spatial, kernel }, { operands, output: { shape }, attributes }) {
    const c = contractionOf(operands.x.shape, shape, operands.gradient.shape, attributes);
    const image = channel ? tf.mul(x!, perChannel(channel)) : x!;
    const scaled = filter ? tf.mul(gradient!, perChannel(filter)) : gradient!;
    const [batch] = operands.x.shape;
    const rows = c.taps * c.cin / c.groups;
    if (isPerSample(attributes.weightShape, operands.kernel)) {
      const own = concatenated(batch, 1, (b) => {
        const product = weightProduct(samples(image, b, 1), samples(scaled, b, 1), c);
        return tf.reshape(transposeMatrices(product, rows, c.cout), [1, c.cout, rows]);
      });
      return tf.reshape(own, deviceShape(shape));
    }
    const step = kernel || spatial ? 1 : samplesAtOnce(c);
    let sum: tf.Tensor | undefined;
    for (let b = 0; b < batch; b += step) {
      const before = sum;
      sum = tf.tidy(() => {
        let part: tf.Tensor = weightProduct(samples(image, b, step), samples(scaled, b, step), c);
        if (spatial) part = tf.mul(part, row(spatial, b, [c.taps, 1, 1]));
        if (kernel) part = tf.mul(tf.reshape(part, [1, -1]), row(kernel, b, [-1, 1]));
        return before ? tf.add(before, part) : part;
      });
      before?.dispose();
    }
    return tf.reshape(transposeMatrices(sum!, rows, c.cout), deviceShape(shape));
  },
};

/**
 * P: the weight times its gradient from each single sample, summed over the input channels. [B, n, taps, Cout] on this
 * device.
 */
export const conv2dAttentionProductsKernel: Kernel<Node<typeof conv2dAttentionProducts>> = {
  run({ x, gradient, weight, channel }, { operands, output: { shape }, attributes }) {
    const c = contractionOf(operands.x.shape, operands.weight.shape, operands.gradient.shape, attributes);
    const image = channel ? tf.mul(x!, perChannel(channel)) : x!;
    const [batch, cout, n, taps] = shape;
    const inputs = c.cin / c.groups;
    const kernels = transposeMatrices(weight!, cout, taps * inputs); // outputs last, as in weightProduct
    return concatenated(batch, 1, (b) => {
      const product = weightProduct(samples(image, b, 1), samples(gradient!, b, 1), c);
      return compute([1, cout, n, taps], [product, kernels], (out, product, kernels) => {
        const sums = new Float64Array(cout);
        for (let k = 0, w = 0; k < n; k++) {
          for (let tap = 0, r = 0; tap < taps; tap++) {
            sums.fill(0);
            for (let i = 0; i < inputs; i++) {
              for (let o = 0; o < cout; o++, w++, r++) sums[o] += kernels[w] * product[r];
            }
            out.set(sums, (k * taps + tap) * cout);
          }
        }
      });
    });
  },
};

/** Returns the number of samples whose patches fit PATCHES, at least one. */
function samplesAtOnce({ pixels, taps, cin }: Contraction): number {
  return Math.max(1, Math.floor(PATCHES / (pixels * taps * cin)));
}

/** Returns samples b to b + count, or to the last one. */
function samples(x: tf.Tensor, b: number, count: number): tf.Tensor {
  const [batch, ...each] = x.shape;
  return tf.slice(x, [b, ...each.map(() => 0)], [Math.min(count, batch - b), ...each]);
}

/** Computes `step` samples at a time and concatenates the results. */
function concatenated(batch: number, step: number, part: (b: number, count: number) => tf.Tensor): tf.Tensor {
  const parts = [];
  for (let b = 0; b < batch; b += step) parts.push(tf.tidy(() => part(b, step)));
  return tf.concat(parts);
}

/** Returns a sample's attention, reshaped. */
function row(attention: tf.Tensor, b: number, shape: number[]): tf.Tensor {
  return tf.reshape(tf.slice(attention, [b, 0], [1, -1]), shape);
}
