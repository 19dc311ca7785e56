/**
 * Every operator as plain loops in float64: what executors are compared with. Row-major tensors, written for clarity only.
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

/** Calls f for every [b, c, y, x] of a shape with the flat index. */
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

/** A convolution whose weight for (sample, output, input of the group, tap) a function answers. */
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

/** Index of x's channel, and of its sample and channel together. */
function channelOf({ shape }: Tensor, i: number): { c: number; bc: number } {
  const bc = Math.floor(i / size(shape.slice(2)));
  return { c: bc % shape[1], bc };
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
  sigmoid: ({ x, temperature }) => x.data.map((v) => ACTIVATIONS.sigmoid(v / (temperature?.data[0] ?? 1))),
  softmax({ x, temperature }, _, [batch, n]) {
    const exps = x.data.map((v) => Math.exp(v / (temperature?.data[0] ?? 1)));
    const totals = map([batch], (b) => exps.slice(b * n, (b + 1) * n).reduce((a, v) => a + v));
    return exps.map((v, i) => v / totals[Math.floor(i / n)]);
  },
  add: ({ a, b }) => a.data.map((v, i) => v + b.data[i]),
  mul: ({ x, scale }) =>
    x.data.map((v, i) => {
      const { c, bc } = channelOf(x, i);
      return v * scale.data[scale.shape.length === x.shape.length ? i : scale.shape.length === 2 ? bc : c];
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
  flatten: ({ x }) => x.data,
  dropout: ({ x }) => x.data,
  pad_channels({ x }, attributes, out) {
    const { before } = attributes as { before: number };
    return mapImage(out, (b, c, y, xo) => c < before || c >= before + x.shape[1] ? 0 : at(x, b, c - before, y, xo)!);
  },
};

/** Runs a graph in float64; answers its outputs. */
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
