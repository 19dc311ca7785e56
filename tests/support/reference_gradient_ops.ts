/**
 * The operators that only training graphs have, as plain loops in float64, from the equations beside each operator.
 * Tests compare executors with them. Tensors are row-major. The code is written for clarity only.
 *
 * @module
 */

import type { Node, Shape } from "../../src/graph/graph.ts";
import { size } from "../../src/graph/graph.ts";
import type { attentionGrad } from "../../src/graph/ops/attention_grad.ts";
import { type DropoutMaskAttributes, dropoutMaskValues } from "../../src/graph/ops/dropout_mask.ts";
import type { adamwStep, sgdStep } from "../../src/graph/ops/optimizer_step.ts";
import type { PoolAttributes } from "../../src/graph/ops/pooling.ts";
import type { WindowAttributes } from "../../src/graph/ops/shared.ts";
import type { TrainingOperatorName } from "../../src/graph/ops/training.ts";
import type { AttributesOf } from "../../src/graph/graph.ts";
import {
  coordinates,
  type Interpolation,
  normalShare,
  place,
  REFERENCE_OPS,
  repeatedPlace,
  shares,
  type Tensor,
} from "./reference_ops.ts";

type Operands = Readonly<Record<string, Tensor>>;
type Reference = (operands: Operands, attributes: Node["attributes"], shape: Shape) => Float64Array;

function map(shape: Shape, f: (i: number) => number): Float64Array {
  return Float64Array.from({ length: size(shape) }, (_, i) => f(i));
}

/** Calls f(b, c, index) for every element of a [B, C] or [B, C, H, W] tensor. */
function visit({ shape }: { shape: Shape }, f: (b: number, c: number, i: number) => void): void {
  const pixels = size(shape.slice(2));
  for (let i = 0; i < size(shape); i++) {
    const bc = Math.floor(i / pixels);
    f(Math.floor(bc / shape[1]), bc % shape[1], i);
  }
}

/** Number of elements of a channel. */
const perChannel = ({ shape }: Tensor): number => size(shape) / shape[1];

/** Sums f over all axes except the channel. */
function byChannel(x: Tensor, f: (i: number, c: number) => number): Float64Array {
  const sums = new Float64Array(x.shape[1]);
  visit(x, (_, c, i) => sums[c] += f(i, c));
  return sums;
}

/**
 * One multiplication of a convolution: indices into x, into one kernel [Cout, Cin/groups, taps] and into the output.
 */
interface Product {
  readonly b: number;
  /** Input channel. */
  readonly ci: number;
  /** Output channel. */
  readonly o: number;
  readonly tap: number;
  readonly x: number;
  readonly w: number;
  readonly y: number;
}

function visitConvolution(
  [batch, cin, height, width]: Shape,
  weight: Shape,
  [, cout, outHeight, outWidth]: Shape,
  attributes: Node["attributes"],
  f: (p: Product) => void,
): void {
  const { stride, padding, dilation, groups } = attributes as WindowAttributes & { groups: number };
  const [, cinPerGroup, kh, kw] = weight.slice(-4);
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < cout; o++) {
      for (let i = 0; i < cinPerGroup; i++) {
        const ci = Math.floor(o / (cout / groups)) * cinPerGroup + i;
        for (let tap = 0; tap < kh * kw; tap++) {
          const w = (o * cinPerGroup + i) * kh * kw + tap;
          for (let p = 0; p < outHeight * outWidth; p++) {
            const row = Math.floor(p / outWidth) * stride[0] - padding[0] + Math.floor(tap / kw) * dilation[0];
            const column = (p % outWidth) * stride[1] - padding[1] + (tap % kw) * dilation[1];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const x = ((b * cin + ci) * height + row) * width + column;
            f({ b, ci, o, tap, x, w, y: (b * cout + o) * outHeight * outWidth + p });
          }
        }
      }
    }
  }
}

/** Element i of an attention for sample b; 1 if there is no attention. */
const scale = (attention: Tensor | undefined, b: number, i: number): number =>
  attention ? attention.data[b * attention.shape[1] + i] : 1;

/**
 * Calls f for every window of a pooling and every pixel of x in it, with the indices into the pooled tensor and into x.
 */
function visitWindows(x: Shape, pooled: Shape, attributes: PoolAttributes, f: (y: number, x: number) => void): void {
  const [batch, channels] = x;
  const depthwise = { ...attributes, dilation: [1, 1], groups: channels };
  const weight = [channels, 1, ...attributes.kernelSize];
  visitConvolution([batch, channels, x[2], x[3]], weight, pooled, depthwise, (p) => f(p.y, p.x));
}

function softmax(logits: Tensor): Float64Array {
  const { shape: [batch, classes], data } = logits;
  const shifted = map([batch, classes], (i) => {
    const row = Math.floor(i / classes) * classes;
    return data[i] - Math.max(...data.slice(row, row + classes));
  });
  return REFERENCE_OPS.softmax({ x: { shape: logits.shape, data: shifted } }, {}, logits.shape);
}

function target({ shape: [, classes] }: Tensor, labels: Tensor, attributes: Node["attributes"]) {
  const { labelSmoothing: s } = attributes as { labelSmoothing: number };
  return (i: number) => (labels.data[Math.floor(i / classes)] === i % classes ? 1 - s : 0) + s / classes;
}

type Numbers = Readonly<Record<string, number>>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Derivatives of an elementwise operator by one of its operands, from the operands of its gradient operator. */
const SLOPES: Readonly<Record<string, (of: Numbers, attributes: Node["attributes"]) => number>> = {
  "relu x": ({ y }) => y > 0 ? 1 : 0,
  "relu6 x": ({ y }) => y > 0 && y < 6 ? 1 : 0,
  "affine x": (_, { factor }) => factor as number,
  "exp x": ({ y }) => y,
  "sqrt x": ({ y }) => 0.5 / y,
  "tanh x": ({ y }) => 1 - y ** 2,
  "silu x": ({ x }) => sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
  "gelu x": ({ x }, { approximate }) => {
    // A finite difference, accurate to ten digits.
    const [gelu, step] = [(v: number) => v * normalShare(v, approximate === "tanh"), 1e-4];
    const difference = (h: number) => (gelu(x + h) - gelu(x - h)) / (2 * h);
    return (4 * difference(step) - difference(2 * step)) / 3;
  },
  "hardsigmoid x": ({ x }) => Math.abs(x) < 3 ? 1 / 6 : 0,
  "hardswish x": ({ x }) => x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1,
  "leaky_relu x": ({ x }, { negativeSlope }) => x > 0 ? 1 : negativeSlope as number,
  "sub b": () => -1,
  "div a": ({ b }) => 1 / b,
  "div b": ({ b, y }) => -y / b,
};

/** Returns whether each sample has its own weight. */
const isOfSamples = (weight: Shape, kernel?: Tensor): boolean => weight.length === 5 && weight[0] > 1 && !kernel;

/**
 * Calls f for every sample and every element of the n kernels: with the indices of sample, kernel, output channel,
 * input channel and tap, and the indices into the kernels and the result.
 */
function visitMixing(
  [batch]: Shape,
  [n, cout, inputs, kh, kw]: Shape,
  channels: number,
  f: (at: { b: number; k: number; o: number; c: number; tap: number; w: number; y: number }) => void,
): void {
  const each = cout * inputs * kh * kw;
  for (let b = 0; b < batch; b++) {
    for (let w = 0; w < n * each; w++) {
      const tap = w % (kh * kw), i = Math.floor(w / (kh * kw)) % inputs;
      const o = Math.floor(w / (kh * kw) / inputs) % cout;
      const c = Math.floor(o * (channels / inputs) / cout) * inputs + i;
      f({ b, k: Math.floor(w / each), o, c, tap, w, y: b * each + w % each });
    }
  }
}

/** The operators by name. */
export const REFERENCE_GRADIENT_OPS: { readonly [K in TrainingOperatorName]: Reference } = {
  conv2d_input_grad({ gradient, weight, filter, spatial, kernel }, attributes, out) {
    const dx = new Float64Array(size(out));
    const each = size(weight.shape.slice(-4));
    visitConvolution(out, weight.shape, gradient.shape, attributes, (p) => {
      if (isOfSamples(weight.shape, kernel)) {
        dx[p.x] += weight.data[p.b * each + p.w] * gradient.data[p.y];
        return;
      }
      for (let n = 0; n * each < weight.data.length; n++) {
        dx[p.x] += scale(kernel, p.b, n) * scale(filter, p.b, p.o) * scale(spatial, p.b, p.tap) *
          weight.data[n * each + p.w] * gradient.data[p.y];
      }
    });
    return dx;
  },
  conv2d_weight_grad({ x, gradient, channel, filter, spatial, kernel }, attributes, out) {
    const dw = new Float64Array(size(out));
    const each = size(out.slice(-4));
    visitConvolution(x.shape, out, gradient.shape, attributes, (p) => {
      if (isOfSamples(out, kernel)) {
        dw[p.b * each + p.w] += x.data[p.x] * gradient.data[p.y];
        return;
      }
      for (let n = 0; n * each < dw.length; n++) {
        dw[n * each + p.w] += scale(kernel, p.b, n) * scale(filter, p.b, p.o) * scale(channel, p.b, p.ci) *
          scale(spatial, p.b, p.tap) * x.data[p.x] * gradient.data[p.y];
      }
    });
    return dw;
  },
  conv2d_attention_products({ x, gradient, weight, channel }, attributes, [batch, cout, n, taps]) {
    const products = new Float64Array(batch * cout * n * taps);
    const each = size(weight.shape.slice(1));
    visitConvolution(x.shape, weight.shape, gradient.shape, attributes, ({ b, o, tap, ci, ...p }) => {
      for (let k = 0; k < n; k++) {
        products[((b * cout + o) * n + k) * taps + tap] += weight.data[k * each + p.w] * scale(channel, b, ci) *
          x.data[p.x] * gradient.data[p.y];
      }
    });
    return products;
  },
  attention_grad({ products, filter, spatial, kernel }, attributes, out) {
    const { to } = attributes as AttributesOf<typeof attentionGrad>;
    const [, cout, n, taps] = products.shape;
    const sums = new Float64Array(size(out));
    products.data.forEach((v, i) => {
      const tap = i % taps, k = Math.floor(i / taps) % n, bo = Math.floor(i / taps / n);
      const b = Math.floor(bo / cout), o = bo % cout;
      sums[b * out[1] + { filter: o, spatial: tap, kernel: k }[to]] += v * scale(filter, b, o) *
        scale(spatial, b, tap) *
        scale(kernel, b, k);
    });
    return sums;
  },
  mix_kernels_weight_grad({ gradient, channel, filter, spatial, kernel }, _, out) {
    const dw = new Float64Array(size(out));
    visitMixing(gradient.shape, out, channel?.shape[1] ?? out[2], ({ b, k, o, c, tap, w, y }) => {
      dw[w] += scale(kernel, b, k) * scale(filter, b, o) * scale(channel, b, c) * scale(spatial, b, tap) *
        gradient.data[y];
    });
    return dw;
  },
  mix_kernels_channel_grad({ gradient, weight, filter, spatial, kernel }, _, out) {
    const sums = new Float64Array(size(out));
    visitMixing(gradient.shape, weight.shape, out[1], ({ b, k, o, c, tap, w, y }) => {
      sums[b * out[1] + c] += scale(kernel, b, k) * scale(filter, b, o) * scale(spatial, b, tap) * weight.data[w] *
        gradient.data[y];
    });
    return sums;
  },
  mix_kernels_products({ gradient, weight, channel }, _, [batch, cout, n, taps]) {
    const products = new Float64Array(batch * cout * n * taps);
    visitMixing(gradient.shape, weight.shape, channel?.shape[1] ?? weight.shape[2], ({ b, k, o, c, tap, w, y }) => {
      products[((b * cout + o) * n + k) * taps + tap] += weight.data[w] * scale(channel, b, c) * gradient.data[y];
    });
    return products;
  },
  pixel_sum({ x }, _, out) {
    const sums = new Float64Array(size(out));
    visit(x, (b, c, i) => sums[b * out[1] + c] += x.data[i]);
    return sums;
  },
  batch_norm_train: ({ x, weight, bias, mean, variance }, attributes, out) =>
    REFERENCE_OPS.batch_norm({ x, weight, bias, runningMean: mean, runningVar: variance }, attributes, out),
  batch_norm_weight_grad({ x, gradient, mean, variance }, attributes) {
    const { eps } = attributes as { eps: number };
    return byChannel(x, (i, c) => gradient.data[i] * (x.data[i] - mean.data[c]) / Math.sqrt(variance.data[c] + eps));
  },
  batch_norm_input_grad({ gradient, weight, variance, x, mean, weightGradient, biasGradient }, attributes, out) {
    const { eps } = attributes as { eps: number };
    const dx = new Float64Array(size(out));
    visit(gradient, (_, c, i) => {
      const inverse = 1 / Math.sqrt(variance.data[c] + eps);
      const through = x
        ? (biasGradient.data[c] + (x.data[i] - mean.data[c]) * inverse * weightGradient.data[c]) / perChannel(x)
        : 0;
      dx[i] = weight.data[c] * inverse * (gradient.data[i] - through);
    });
    return dx;
  },
  running_average({ running, batch, condition }, attributes) {
    if (condition?.data[0] === 0) return running.data;
    const { momentum, correction } = attributes as { momentum: number; correction: number };
    return running.data.map((v, i) => (1 - momentum) * v + momentum * correction * batch.data[i]);
  },
  channel_sum: ({ x }, attributes) => byChannel(x, (i) => x.data[i] * (attributes.scale as number)),
  channel_variance: ({ x, mean }) => byChannel(x, (i, c) => (x.data[i] - mean.data[c]) ** 2 / perChannel(x)),
  sum: ({ x }, attributes) => Float64Array.of(x.data.reduce((a, v) => a + v) * (attributes.scale as number)),
  fill: ({ value }, attributes, out) => map(out, () => value.data[0] * (attributes.scale as number)),
  sum_products({ a, b }, _, out) {
    const sums = new Float64Array(size(out));
    visit(a, (sample, c, i) => sums[out.length === 1 ? c : sample * out[1] + c] += a.data[i] * b.data[i]);
    return sums;
  },
  elementwise_grad(operands, attributes, out) {
    const { of, to } = attributes as { of: string; to: string };
    const slope = SLOPES[`${of} ${to}`];
    return map(out, (i) => {
      const at = Object.fromEntries(
        Object.entries(operands).map(([name, { shape, data }]) => [name, data[repeatedPlace(shape, out, i)]]),
      );
      return operands.gradient.data[i] * slope(at, attributes);
    });
  },
  pad_axis({ x }, attributes, out) {
    const { dim, before } = attributes as { dim: number; before: number };
    return map(out, (i) => {
      const from = coordinates(i, out);
      from[dim] -= before;
      return from[dim] < 0 || from[dim] >= x.shape[dim] ? 0 : x.data[place(from, x.shape)];
    });
  },
  max_to_size_grad({ x, gradient }, _, out) {
    const best = new Map<number, number>();
    x.data.forEach((v, i) => {
      const to = repeatedPlace(gradient.shape, out, i);
      const known = best.get(to);
      if (known === undefined || v > x.data[known]) best.set(to, i);
    });
    const dx = new Float64Array(size(out));
    for (const [to, i] of best) dx[i] = gradient.data[to];
    return dx;
  },
  interpolate_grad({ gradient }, attributes, out) {
    const [rows, columns] = [0, 1].map((axis) => shares(attributes as unknown as Interpolation, axis, out[2 + axis]));
    const dx = new Float64Array(size(out));
    gradient.data.forEach((v, i) => {
      const [b, c, y, x] = coordinates(i, gradient.shape);
      rows[y].forEach((vertical, r) => {
        columns[x].forEach((horizontal, k) => dx[place([b, c, r, k], out)] += v * vertical * horizontal);
      });
    });
    return dx;
  },
  sigmoid_grad: ({ y, gradient, temperature }) =>
    gradient.data.map((v, i) => v * y.data[i] * (1 - y.data[i]) / (temperature?.data[0] ?? 1)),
  softmax_grad({ y, gradient, temperature }, _, [batch, n]) {
    const dots = new Float64Array(batch);
    visit(y, (b, _, i) => dots[b] += y.data[i] * gradient.data[i]);
    return map(
      [batch, n],
      (i) => y.data[i] * (gradient.data[i] - dots[Math.floor(i / n)]) / (temperature?.data[0] ?? 1),
    );
  },
  linear_input_grad({ gradient, weight }, _, [batch, inputs]) {
    const dx = new Float64Array(batch * inputs);
    visit(gradient, (b, o, at) => {
      for (let i = 0; i < inputs; i++) dx[b * inputs + i] += gradient.data[at] * weight.data[o * inputs + i];
    });
    return dx;
  },
  linear_weight_grad({ x, gradient }, _, out) {
    const dw = new Float64Array(size(out));
    const inputs = x.shape[1];
    visit(gradient, (b, o, at) => {
      for (let i = 0; i < inputs; i++) dw[o * inputs + i] += gradient.data[at] * x.data[b * inputs + i];
    });
    return dw;
  },
  max_pool2d_grad({ x, gradient }, attributes, out) {
    const best = new Map<number, number>();
    visitWindows(out, gradient.shape, attributes as PoolAttributes, (y, i) => {
      const known = best.get(y);
      if (known === undefined || x.data[i] > x.data[known]) best.set(y, i);
    });
    const dx = new Float64Array(size(out));
    for (const [y, i] of best) dx[i] += gradient.data[y];
    return dx;
  },
  avg_pool2d_grad({ gradient }, attributes, out) {
    const { kernelSize } = attributes as PoolAttributes;
    const dx = new Float64Array(size(out));
    visitWindows(out, gradient.shape, attributes as PoolAttributes, (y, i) => {
      dx[i] += gradient.data[y] / size(kernelSize);
    });
    return dx;
  },
  global_avg_pool_grad({ gradient }, _, out) {
    const pixels = out[2] * out[3];
    return map(out, (i) => gradient.data[Math.floor(i / pixels)] / pixels);
  },
  unflatten: ({ x }) => x.data,
  slice_channels({ x }, attributes, out) {
    const { start } = attributes as { start: number };
    const pixels = out[2] * out[3];
    const dx = new Float64Array(size(out));
    visit({ shape: out }, (b, c, i) => dx[i] = x.data[(b * x.shape[1] + start + c) * pixels + i % pixels]);
    return dx;
  },
  dropout_mask: ({ seed, step }, attributes, out) =>
    Float64Array.from(
      dropoutMaskValues(seed.data[0], step.data[0], attributes as unknown as DropoutMaskAttributes, size(out)),
    ),
  cross_entropy({ logits, labels }, attributes) {
    const q = target(logits, labels, attributes);
    const p = softmax(logits);
    return Float64Array.of(p.reduce((loss, v, i) => loss - q(i) * Math.log(v), 0) / logits.shape[0]);
  },
  cross_entropy_grad({ logits, labels, gradient }, attributes) {
    const q = target(logits, labels, attributes);
    return softmax(logits).map((v, i) => gradient.data[0] * (v - q(i)) / logits.shape[0]);
  },
  scale: ({ x, factor }) => x.data.map((v) => v * factor.data[0]),
  sgd_velocity({ parameter, gradient, velocity, condition }, attributes) {
    if (condition?.data[0] === 0) return velocity.data;
    const { momentum, weightDecay } = attributes as AttributesOf<typeof sgdStep>;
    return gradient.data.map((g, i) => momentum * velocity.data[i] + g + weightDecay * parameter.data[i]);
  },
  sgd_step({ parameter, gradient, velocity, learningRate, condition }, attributes) {
    if (condition?.data[0] === 0) return parameter.data;
    const { momentum, weightDecay, nesterov } = attributes as AttributesOf<typeof sgdStep>;
    return parameter.data.map((p, i) => {
      const plain = gradient.data[i] + weightDecay * p;
      const direction = !velocity ? plain : nesterov ? plain + momentum * velocity.data[i] : velocity.data[i];
      return p - learningRate.data[0] * direction;
    });
  },
  squared_average({ moment, gradient, condition }, attributes) {
    if (condition?.data[0] === 0) return moment.data;
    const { beta } = attributes as { beta: number };
    return moment.data.map((m, i) => beta * m + (1 - beta) * gradient.data[i] ** 2);
  },
  adamw_step({ parameter, first, second, condition, ...scalars }, attributes) {
    if (condition?.data[0] === 0) return parameter.data;
    const { weightDecay, eps } = attributes as AttributesOf<typeof adamwStep>;
    const [lr, c1, c2] = [scalars.learningRate, scalars.firstCorrection, scalars.secondCorrection].map((s) =>
      s.data[0]
    );
    return parameter.data.map((p, i) =>
      (1 - lr * weightDecay) * p - lr * first.data[i] * c1 / (Math.sqrt(second.data[i] * c2) + eps)
    );
  },
  total: (operands) =>
    Float64Array.of(Object.values(operands).reduce((sum, { data }) => data.reduce((a, b) => a + b, sum), 0)),
  sum_squares: ({ x }) => Float64Array.of(x.data.reduce((sum, v) => sum + v * v, 0)),
  clip_factor: ({ squares }, attributes) =>
    Float64Array.of(Math.min(1, (attributes.maxNorm as number) / (Math.sqrt(squares.data[0]) + 1e-6))),
  accumulate: ({ total, gradient, keep }) =>
    keep.data[0] !== 0 ? total.data.map((v, i) => v + gradient.data[i]) : gradient.data,
  gate: ({ open, x }) => Number.isFinite(x.data[0]) ? open.data : new Float64Array(1),
};
