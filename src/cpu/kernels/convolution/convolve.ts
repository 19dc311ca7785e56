/** Runs a convolution in the blocks of ./convolution_blocks.ts. */

import type { Node } from "../../../graph/graph.ts";
import type { dynamicConv2d } from "../../../graph/ops/dynamic_conv2d.ts";
import type { Activation } from "../../../graph/ops/shared.ts";
import { addressesOf, emptyTensor, heapView, tf, wasmKernels } from "../../tfjs.ts";
import { CHAIN, NUMBER, OUTPUTS, PIXELS } from "../../wasm/convolution.ts";
import { type Blocks, blocksOf, type ConvolutionShapes, type Span, spansOf } from "./convolution_blocks.ts";
import { deviceShape } from "../tensors/device_shape.ts";
import { compute } from "../tensors/typed_array.ts";

/** Lower and upper limit of each activation's result. */
const BOUNDS: Readonly<Record<Activation, { readonly least: number; readonly most: number }>> = {
  none: { least: -Infinity, most: Infinity },
  relu: { least: 0, most: Infinity },
  relu6: { least: 0, most: 6 },
};

/** Operands of a convolution except its weight. x is [B, H, W, Cin]. The attentions are those of dynamic_conv2d. */
export type ConvolutionOperands = {
  readonly [K in Exclude<keyof Node<typeof dynamicConv2d>["operands"], "weight">]?: tf.Tensor;
};

/** activation(x * weight + bias + residual). The weight is given as prepareBlocks() returns it. */
export function convolve(
  operands: ConvolutionOperands,
  [bank, table]: readonly tf.Tensor[],
  shapes: ConvolutionShapes,
): tf.Tensor {
  const blocks = blocksOf(shapes), spans = spansOf(blocks);
  const { depthwise, groups, inputs, outputs, count, size, taps, window } = blocks;
  const [batch, cin] = shapes.x, [, cout] = shapes.y, [n] = shapes.weight;
  const { residual, kernel, spatial } = operands;
  const pixels = window.outputSize[0] * window.outputSize[1];
  const bounds = BOUNDS[shapes.attributes.activation];
  const x = padded(operands.x!, blocks);
  const zeros = tf.zeros([Math.max(inputs, OUTPUTS)]), ones = tf.ones([Math.max(inputs, taps)]);
  const { channel, filter } = scales(operands, blocks, batch);
  const biases = operands.bias?.rank === 2 ? batch : 1;
  const bias = inBlocks(operands.bias, 0, biases, blocks);
  const kernelSize = groups * count * size, biasSize = biases > 1 ? groups * count * OUTPUTS : 0;
  const weight = shapes.dynamic ? emptyTensor([spans[0].length * size]) : undefined;
  const part = outputs % OUTPUTS ? emptyTensor([pixels, OUTPUTS]) : undefined;
  const totals = emptyTensor([PIXELS, OUTPUTS]);
  const y = emptyTensor(deviceShape(shapes.y));
  const kernelName = depthwise ? "depthwise" : taps * inputs > 2 * CHAIN ? "long" : "convolve";
  // No allocation after this line, so that views stay valid.
  const at = addressesOf(
    { x, bank, table, zeros, ones, bias, residual, channel, filter, kernel, spatial, weight, part, totals, y },
  );
  /** Mixes the weight of sample b, for a span that begins with block i, and returns its address. */
  const mixed = (b: number, i: number, { group, length }: Span) => {
    for (let j = 0; j < length; j++) {
      wasmKernels.mix({
        bank: at.bank + (i + j) * size * NUMBER,
        pitch: kernelSize * NUMBER,
        kernel: kernel ? at.kernel + b * n * NUMBER : at.ones,
        spatial: spatial ? at.spatial + b * taps * NUMBER : at.ones,
        channel: channel ? at.channel + (b * cin + group * inputs) * NUMBER : at.ones,
        filter: at.filter + (b * groups * count + i + j) * OUTPUTS * NUMBER,
        kernels: n,
        taps,
        channels: inputs,
        weight: at.weight + j * size * NUMBER,
      });
    }
    return at.weight;
  };
  for (const span of spans) {
    const { group, first, length, lanes } = span;
    const i = group * count + first, channels = first * OUTPUTS, whole = lanes === OUTPUTS;
    for (let b = 0; b < batch; b++) { // in the inner loop: the span's weights are still in the cache
      // Depthwise: lanes without a channel read the next channels. Their results are not kept.
      const image = b * x.size / batch + (depthwise ? channels : group * inputs);
      const result = b * pixels * cout + group * outputs + channels;
      wasmKernels[kernelName]({
        x: at.x + image * NUMBER,
        table: at.table,
        zeros: at.zeros,
        weight: weight ? mixed(b, i, span) : at.bank + ((shapes.perSample ? b * kernelSize : 0) + i * size) * NUMBER,
        bias: at.bias + (b * biasSize + i * OUTPUTS) * NUMBER,
        totals: at.totals,
        residual: residual && whole ? at.residual + result * NUMBER : 0,
        y: whole ? at.y + result * NUMBER : at.part,
        pitch: (whole ? cout : OUTPUTS) * NUMBER,
        tiles: Math.ceil(pixels / PIXELS),
        blocks: length,
        taps,
        channels: inputs,
        ...whole ? bounds : BOUNDS.none,
      });
      if (whole) continue;
      finish(heapView(part!), heapView(y), residual && heapView(residual), { result, cout, lanes, ...bounds });
    }
  }
  return y;
}

/** Adds the rows and columns of zeros that the blocks need. tfjs's own padding takes several times as long. */
function padded(x: tf.Tensor, { padding }: Blocks): tf.Tensor {
  if (!padding || Math.max(...padding) === 0) return x;
  const [batch, height, width, channels] = x.shape;
  const rows = height + 2 * padding[0], columns = width + 2 * padding[1];
  return compute([batch, channels, rows, columns], [x], (out, x) => {
    const row = width * channels;
    for (let from = 0, i = 0; from < x.length; from += row, i++) {
      const image = Math.floor(i / height), line = image * rows + padding[0] + i % height;
      out.set(x.subarray(from, from + row), (line * columns + padding[1]) * channels);
    }
  });
}

/**
 * Returns the channel and the filter attention. Depthwise, they are multiplied: a block's output channels are its input
 * channels.
 */
function scales({ channel, filter }: ConvolutionOperands, blocks: Blocks, batch: number) {
  if (!blocks.depthwise || !channel) return { channel, filter: inBlocks(filter, 1, batch, blocks) };
  return { filter: inBlocks(filter ? tf.mul(channel, filter) : channel, 1, batch, blocks) };
}

/**
 * Lays out rows of numbers per output channel in blocks. Each group is filled up to whole blocks. If `values` is left
 * out, all numbers are `missing`.
 */
function inBlocks(
  values: tf.Tensor | undefined,
  missing: number,
  rows: number,
  { groups, outputs, count }: Blocks,
): tf.Tensor {
  const length = count * OUTPUTS;
  return compute([rows * groups * length], [values], (out, values) => {
    if (!values) return out.fill(missing);
    for (let row = 0; row < rows * groups; row++) {
      out.set(values.subarray(row * outputs, (row + 1) * outputs), row * length);
    }
  });
}

/** Copies a block with fewer channels than lanes to its place in y, and applies the residual and the activation. */
function finish(
  part: Float32Array,
  y: Float32Array,
  residual: Float32Array | undefined,
  to: { result: number; cout: number; lanes: number; least: number; most: number },
): void {
  for (let from = 0, at = to.result; from < part.length; from += OUTPUTS, at += to.cout) {
    for (let lane = 0; lane < to.lanes; lane++) {
      const sum = part[from + lane] + (residual ? residual[at + lane] : 0);
      y[at + lane] = Math.min(Math.max(sum, to.least), to.most);
    }
  }
}
