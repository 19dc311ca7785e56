/**
 * Every operator as plain loops in float64. Tests compare executors with them. Tensors are row-major. The code is
 * written for clarity only.
 *
 * @module
 */

import type { Node, Shape, Value } from "../../src/graph/graph.ts";
import { type Graph, size } from "../../src/graph/graph.ts";
import type { OperatorName } from "../../src/graph/ops/mod.ts";
import type { PoolAttributes } from "../../src/graph/ops/pooling.ts";
import type { Activation, WindowAttributes } from "../../src/graph/ops/shared.ts";

/** A tensor in row-major order. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

type Tensors = Readonly<Record<string, Tensor>>;
type Reference = (operands: Tensors, attributes: Node["attributes"], shape: Shape) => Float64Array;

const ACTIVATIONS = {
  none: (v: number) => v,
  relu: (v: number) => Math.max(v, 0),
  relu6: (v: number) => Math.min(Math.max(v, 0), 6),
  sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
};

function map(shape: Shape, f: (i: number) => number): Float64Array {
  return Float64Array.from({ length: size(shape) }, (_, i) => f(i));
}

/** Maps every [b, c, y, x] of a shape, in row-major order. */
function mapImage(shape: Shape, f: (b: number, c: number, y: number, x: number) => number): Float64Array {
  const [, channels, height, width] = shape;
  return map(shape, (i) => {
    const y = Math.floor(i / width) % height;
    const c = Math.floor(i / width / height) % channels;
    return f(Math.floor(i / width / height / channels), c, y, i % width);
  });
}

function at({ shape: [, channels, height, width], data }: Tensor, b: number, c: number, y: number, x: number) {
  const inside = y >= 0 && y < height && x >= 0 && x < width;
  return inside ? data[((b * channels + c) * height + y) * width + x] : undefined;
}

type ConvolutionAttributes = WindowAttributes & { groups: number; activation: Activation };

/** A convolution. `weight` returns the weight of (sample, output, input of the group, tap). */
function convolve(
  { x, bias, residual }: Tensors,
  { stride, padding, dilation, groups, activation }: ConvolutionAttributes,
  out: Shape,
  [cout, cinPerGroup, kh, kw]: Shape,
  weight: (b: number, o: number, i: number, tap: number) => number,
): Float64Array {
  const sums = mapImage(out, (b, o, y, xo) => {
    const first = Math.floor(o / (cout / groups)) * cinPerGroup;
    let sum = bias ? bias.data[bias.shape.length === 2 ? b * out[1] + o : o] : 0;
    for (let i = 0; i < cinPerGroup; i++) {
      for (let tap = 0; tap < kh * kw; tap++) {
        const row = y * stride[0] - padding[0] + Math.floor(tap / kw) * dilation[0];
        const column = xo * stride[1] - padding[1] + (tap % kw) * dilation[1];
        sum += (at(x, b, first + i, row, column) ?? 0) * weight(b, o, i, tap);
      }
    }
    return sum;
  });
  return sums.map((v, i) => ACTIVATIONS[activation](v + (residual ? residual.data[i] : 0)));
}

function pool({ x }: Tensors, { kernelSize, stride, padding }: PoolAttributes, out: Shape, f: (v: number[]) => number) {
  return mapImage(out, (b, c, y, xo) => {
    const window = [];
    for (let ky = 0; ky < kernelSize[0]; ky++) {
      for (let kx = 0; kx < kernelSize[1]; kx++) {
        const v = at(x, b, c, y * stride[0] - padding[0] + ky, xo * stride[1] - padding[1] + kx);
        if (v !== undefined) window.push(v);
      }
    }
    return f(window);
  });
}

/** Index of x's channel, and of its sample and channel together, for element i. */
function channelOf({ shape }: Tensor, i: number): { c: number; bc: number } {
  const bc = Math.floor(i / size(shape.slice(2)));
  return { c: bc % shape[1], bc };
}

/** Coordinates of element i of a tensor. */
export function coordinates(i: number, shape: Shape): number[] {
  return shape.map((extent, axis) => Math.floor(i / size(shape.slice(axis + 1))) % extent);
}

/** Index of the element at these coordinates. */
export function place(coordinates: readonly number[], shape: Shape): number {
  return coordinates.reduce((sum, at, axis) => sum * shape[axis] + at, 0);
}

/** Index of a tensor's element that is at element i of `whole`, to which the tensor is broadcast. */
export function repeatedPlace(shape: Shape, whole: Shape, i: number): number {
  return place(coordinates(i, whole).map((at, axis) => shape[axis] === 1 ? 0 : at), shape);
}

function repeatedAt({ shape, data }: Tensor, whole: Shape, i: number): number {
  return data[repeatedPlace(shape, whole, i)];
}

/**
 * Cumulative distribution function of the standard normal distribution: by the series of the error function, or by
 * PyTorch's approximation with tanh.
 */
export function normalShare(x: number, approximately: boolean): number {
  if (approximately) return (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) / 2;
  const t = x / Math.SQRT2;
  if (Math.abs(t) > 4.5) return t > 0 ? 1 : 0;
  let [sum, term] = [t, t];
  for (let n = 1; n < 120; n++) {
    term *= -t * t / n;
    sum += term / (2 * n + 1);
  }
  return (1 + 2 / Math.sqrt(Math.PI) * sum) / 2;
}

/** The attributes of interpolate. */
export interface Interpolation {
  readonly mode: "nearest" | "bilinear" | "area";
  readonly size: readonly number[];
  readonly alignCorners: boolean;
  readonly steps?: readonly number[];
}

/** For each output position on a resized axis, returns the weights of all input positions. */
export function shares(
  { mode, size, alignCorners, steps }: Interpolation,
  axis: number,
  extent: number,
): Float64Array[] {
  const count = size[axis];
  const step = steps?.[axis] ?? extent / count;
  return Array.from({ length: count }, (_, i) => {
    const weights = new Float64Array(extent);
    if (mode === "area") {
      const [first, end] = [Math.floor(i * extent / count), Math.ceil((i + 1) * extent / count)];
      return weights.fill(1 / (end - first), first, end);
    }
    if (mode === "nearest") {
      weights[Math.min(extent - 1, Math.floor(i * step + 1e-6))] = 1;
      return weights;
    }
    const corner = count > 1 ? (extent - 1) / (count - 1) : 0;
    const at = alignCorners ? i * corner : Math.max(0, (i + 0.5) * step - 0.5);
    weights.forEach((_, k) => weights[k] = Math.max(0, 1 - Math.abs(Math.min(at, extent - 1) - k)));
    return weights;
  });
}

/** The operators by name. */
export const REFERENCE_OPS: { readonly [K in OperatorName]: Reference } = {
  conv2d(operands, attributes, out) {
    const { weight } = operands;
    const each = weight.shape.slice(-4);
    const [cout, cin, kh, kw] = each;
    const taps = kh * kw;
    const perSample = weight.shape.length === 5;
    return convolve(
      operands,
      attributes as ConvolutionAttributes,
      out,
      each,
      (b, o, i, tap) => weight.data[(((perSample ? b * cout : 0) + o) * cin + i) * taps + tap],
    );
  },
  dynamic_conv2d(operands, attributes, out) {
    const { weight, kernel, channel, filter, spatial } = operands;
    const [n, ...each] = weight.shape;
    const [cout, cin, kh, kw] = each;
    const taps = kh * kw;
    const { groups } = attributes as ConvolutionAttributes;
    return convolve(operands, attributes as ConvolutionAttributes, out, each, (b, o, i, tap) => {
      let sum = 0;
      for (let k = 0; k < n; k++) {
        sum += (kernel ? kernel.data[b * n + k] : 1) * weight.data[((k * cout + o) * cin + i) * taps + tap];
      }
      const input = Math.floor(o / (cout / groups)) * cin + i;
      return sum * (channel ? channel.data[b * cin * groups + input] : 1) *
        (filter ? filter.data[b * cout + o] : 1) * (spatial ? spatial.data[b * taps + tap] : 1);
    });
  },
  mix_kernels({ weight, kernel, channel, filter, spatial }, _, out) {
    const [n, cout, cin, kh, kw] = weight.shape;
    const taps = kh * kw;
    return map(out, (at) => {
      const tap = at % taps, i = Math.floor(at / taps) % cin;
      const o = Math.floor(at / taps / cin) % cout, b = Math.floor(at / taps / cin / cout);
      let sum = 0;
      for (let k = 0; k < n; k++) {
        sum += (kernel ? kernel.data[b * n + k] : 1) * weight.data[((k * cout + o) * cin + i) * taps + tap];
      }
      const channels = channel?.shape[1] ?? cin;
      const input = Math.floor(o / (cout * cin / channels)) * cin + i;
      return sum * (channel ? channel.data[b * channels + input] : 1) * (filter ? filter.data[b * cout + o] : 1) *
        (spatial ? spatial.data[b * taps + tap] : 1);
    });
  },
  batch_norm({ x, weight, bias, runningMean, runningVar }, attributes, out) {
    const { eps } = attributes as { eps: number };
    return map(out, (i) => {
      const { c } = channelOf(x, i);
      return weight.data[c] * (x.data[i] - runningMean.data[c]) / Math.sqrt(runningVar.data[c] + eps) + bias.data[c];
    });
  },
  relu: ({ x }) => x.data.map(ACTIVATIONS.relu),
  relu6: ({ x }) => x.data.map(ACTIVATIONS.relu6),
  affine({ x }, attributes) {
    const { factor, shift } = attributes as { factor: number; shift: number };
    return x.data.map((v) => factor * v + shift);
  },
  exp: ({ x }) => x.data.map(Math.exp),
  sqrt: ({ x }) => x.data.map(Math.sqrt),
  tanh: ({ x }) => x.data.map(Math.tanh),
  silu: ({ x }) => x.data.map((v) => v * ACTIVATIONS.sigmoid(v)),
  gelu: ({ x }, attributes) => x.data.map((v) => v * normalShare(v, attributes.approximate === "tanh")),
  hardsigmoid: ({ x }) => x.data.map((v) => ACTIVATIONS.relu6(v + 3) / 6),
  hardswish: ({ x }) => x.data.map((v) => v * ACTIVATIONS.relu6(v + 3) / 6),
  leaky_relu: ({ x }, attributes) => x.data.map((v) => v > 0 ? v : v * (attributes.negativeSlope as number)),
  sub: ({ a, b }, _, out) => map(out, (i) => repeatedAt(a, out, i) - repeatedAt(b, out, i)),
  div: ({ a, b }, _, out) => map(out, (i) => repeatedAt(a, out, i) / repeatedAt(b, out, i)),
  sigmoid: ({ x, temperature }) => x.data.map((v) => ACTIVATIONS.sigmoid(v / (temperature?.data[0] ?? 1))),
  softmax({ x, temperature }, _, [batch, n]) {
    const exps = x.data.map((v) => Math.exp(v / (temperature?.data[0] ?? 1)));
    const totals = map([batch], (b) => exps.slice(b * n, (b + 1) * n).reduce((a, v) => a + v));
    return exps.map((v, i) => v / totals[Math.floor(i / n)]);
  },
  add: ({ a, b }, _, out) => map(out, (i) => repeatedAt(a, out, i) + repeatedAt(b, out, i)),
  mul: ({ x, scale }, _, out) =>
    x.shape.length === scale.shape.length
      ? map(out, (i) => repeatedAt(x, out, i) * repeatedAt(scale, out, i))
      : x.data.map((v, i) => {
        const { c, bc } = channelOf(x, i);
        return v * scale.data[scale.shape.length === 2 ? bc : c];
      }),
  max_pool2d: (operands, attributes, out) => pool(operands, attributes as PoolAttributes, out, (v) => Math.max(...v)),
  avg_pool2d(operands, attributes, out) {
    const { kernelSize: [kh, kw] } = attributes as PoolAttributes;
    return pool(operands, attributes as PoolAttributes, out, (v) => v.reduce((a, b) => a + b, 0) / (kh * kw));
  },
  global_avg_pool({ x }, _, out) {
    const pixels = size(x.shape.slice(2));
    return map(out, (i) => x.data.slice(i * pixels, (i + 1) * pixels).reduce((a, v) => a + v) / pixels);
  },
  linear({ x, weight, bias, temperature }, attributes, [batch, outputs]) {
    const { activation } = attributes as { activation: keyof typeof ACTIVATIONS };
    const inputs = x.shape[1];
    return map([batch, outputs], (at) => {
      const [b, o] = [Math.floor(at / outputs), at % outputs];
      let sum = bias ? bias.data[o] : 0;
      for (let i = 0; i < inputs; i++) sum += x.data[b * inputs + i] * weight.data[o * inputs + i];
      return ACTIVATIONS[activation](activation === "sigmoid" && temperature ? sum / temperature.data[0] : sum);
    });
  },
  conv_transpose2d({ x, weight }, attributes, out) {
    const { stride, padding, dilation, groups } = attributes as unknown as ConvolutionAttributes;
    const [cin, coutPerGroup, kh, kw] = weight.shape;
    return mapImage(out, (b, o, y, xo) => {
      const group = Math.floor(o / coutPerGroup);
      let sum = 0;
      for (let i = 0; i < cin / groups; i++) {
        const ci = group * cin / groups + i;
        for (let tap = 0; tap < kh * kw; tap++) {
          const row = (y + padding[0] - Math.floor(tap / kw) * dilation[0]) / stride[0];
          const column = (xo + padding[1] - (tap % kw) * dilation[1]) / stride[1];
          if (!Number.isInteger(row) || !Number.isInteger(column)) continue;
          sum += (at(x, b, ci, row, column) ?? 0) * weight.data[(ci * coutPerGroup + o % coutPerGroup) * kh * kw + tap];
        }
      }
      return sum;
    });
  },
  bmm({ a, b }, _, [batch, rows, columns]) {
    const terms = a.shape[2];
    return map([batch, rows, columns], (i) => {
      const [sample, row, column] = coordinates(i, [batch, rows, columns]);
      let sum = 0;
      for (let k = 0; k < terms; k++) {
        sum += a.data[(sample * rows + row) * terms + k] * b.data[(sample * terms + k) * columns + column];
      }
      return sum;
    });
  },
  interpolate({ x }, attributes, out) {
    const [rows, columns] = [0, 1].map((axis) =>
      shares(attributes as unknown as Interpolation, axis, x.shape[2 + axis])
    );
    return mapImage(out, (b, c, y, xo) => {
      let sum = 0;
      rows[y].forEach((vertical, r) => {
        columns[xo].forEach((horizontal, k) => sum += vertical * horizontal * at(x, b, c, r, k)!);
      });
      return sum;
    });
  },
  expand: ({ x }, attributes, out) => map(out, (i) => (attributes.scale as number) * repeatedAt(x, out, i)),
  sum_to_size({ x }, attributes, out) {
    const sums = map(out, () => 0);
    x.data.forEach((v, i) => sums[repeatedPlace(out, x.shape, i)] += (attributes.scale as number) * v);
    return sums;
  },
  max_to_size({ x }, _, out) {
    const most = map(out, () => -Infinity);
    x.data.forEach((v, i) => most[repeatedPlace(out, x.shape, i)] = Math.max(v, most[repeatedPlace(out, x.shape, i)]));
    return most;
  },
  reshape: ({ x }) => x.data,
  permute({ x }, attributes, out) {
    const dims = attributes.dims as number[];
    return map(out, (i) => {
      const to = coordinates(i, out);
      return x.data[place(x.shape.map((_, axis) => to[dims.indexOf(axis)]), x.shape)];
    });
  },
  narrow({ x }, attributes, out) {
    const { dim, start } = attributes as { dim: number; start: number };
    return map(out, (i) => {
      const to = coordinates(i, out);
      return x.data[place(to.with(dim, to[dim] + start), x.shape)];
    });
  },
  concat(operands, attributes, out) {
    const { dim } = attributes as { dim: number };
    return map(out, (i) => {
      const to = coordinates(i, out);
      let along = to[dim];
      for (const x of Object.values(operands)) {
        if (along < x.shape[dim]) return x.data[place(to.with(dim, along), x.shape)];
        along -= x.shape[dim];
      }
      throw new Error("past the last operand");
    });
  },
  flatten: ({ x }) => x.data,
  dropout: ({ x }) => x.data,
  pad_channels({ x }, attributes, out) {
    const { before } = attributes as { before: number };
    return mapImage(out, (b, c, y, xo) => c < before || c >= before + x.shape[1] ? 0 : at(x, b, c - before, y, xo)!);
  },
};

/** Runs a graph in float64; returns its outputs. */
export async function runReference(
  graph: Graph,
  inputs: Readonly<Record<string, Float32Array>>,
): Promise<Record<string, Float64Array>> {
  const values = new Map<Value, Tensor>();
  for (const [name, value] of graph.inputs) {
    const initial = value.source.kind === "input" ? value.source.initial : undefined;
    values.set(value, { shape: value.shape, data: Float64Array.from(inputs[name] ?? initial!) });
  }
  for (const value of graph.parameters.values()) {
    if (value.source.kind !== "parameter") continue;
    values.set(value, { shape: value.shape, data: Float64Array.from(await value.source.load()) });
  }
  for (const node of graph.nodes) {
    const operands: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(node.operands as Record<string, Value | undefined>)) {
      if (value) operands[name] = values.get(value)!;
    }
    const data = REFERENCE_OPS[node.op.name as OperatorName](operands, node.attributes, node.output.shape);
    values.set(node.output, { shape: node.output.shape, data });
  }
  return Object.fromEntries([...graph.outputs].map(([name, value]) => [name, values.get(value)!.data]));
}
