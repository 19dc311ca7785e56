/**
 * Splits a convolution into the blocks of output channels that ../wasm/convolution.ts computes: lays out the weight and
 * makes the table of addresses.
 *
 * @module
 */

import type { Shape } from "../../../graph/graph.ts";
import type { ConvolutionAttributes } from "../../../graph/ops/shared.ts";
import { tf } from "../../tfjs.ts";
import { NUMBER, OUTPUTS, PIXELS } from "../../wasm/convolution.ts";
import { tapTable, type Window, windowOver } from "../tensors/taps.ts";
import { compute } from "../tensors/typed_array.ts";

/**
 * Images with fewer channels than this have the columns of a window read as additional channels. The columns are
 * contiguous in memory.
 */
const FEW_CHANNELS = 16;

/**
 * Bytes of weights that are applied to all pixels of an image together, so that the data stays in the first-level cache
 * while it is used. They roughly fill the second-level cache.
 */
const SPAN_BYTES = 2 ** 18;

/** The blocks of a convolution. */
export interface Blocks {
  /**
   * True if each output channel reads its own input channel. There is then one group, whose blocks read different
   * channels.
   */
  readonly depthwise: boolean;
  readonly groups: number;
  /** Number of input channels that an output channel reads at a tap. */
  readonly inputs: number;
  /** Number of output channels per group. */
  readonly outputs: number;
  /** Number of blocks per group. */
  readonly count: number;
  /** Number of elements of a block's weight. */
  readonly size: number;
  readonly taps: number;
  /** The window, over an image that was padded by `padding` before. */
  readonly window: Window;
  readonly padding?: readonly [rows: number, columns: number];
}

/** Shapes of a convolution in the graph. `weight` is [n, Cout, Cin/groups, kh, kw]. */
export interface ConvolutionShapes {
  readonly x: Shape;
  readonly weight: Shape;
  readonly y: Shape;
  readonly attributes: ConvolutionAttributes;
  /** True if attentions make a weight per sample. */
  readonly dynamic: boolean;
  /** True if the n kernels are the weights of the samples and are not mixed. */
  readonly perSample: boolean;
}

/** Splits a convolution into blocks. */
export function blocksOf({ x, weight, y, attributes, dynamic }: ConvolutionShapes): Blocks {
  const [, cin, height, width] = x;
  const [, cout, inputs, kh, kw] = weight;
  const { groups, padding, dilation } = attributes;
  const depthwise = groups > 1 && inputs === 1 && cout === cin;
  const outputs = depthwise ? cout : cout / groups;
  const blocks = {
    depthwise,
    groups: depthwise ? 1 : groups,
    outputs,
    count: Math.ceil(outputs / OUTPUTS),
    size: kh * kw * inputs * OUTPUTS,
  };
  if (dynamic || groups > 1 || kw === 1 || inputs >= FEW_CHANNELS || dilation[1] > 1) {
    return { ...blocks, inputs, taps: kh * kw, window: windowOver(x, y, [kh, kw], attributes) };
  }
  const padded = [x[0], cin, height + 2 * padding[0], width + 2 * padding[1]];
  const window = windowOver(padded, y, [kh, 1], { ...attributes, padding: [0, 0] });
  return { ...blocks, inputs: kw * inputs, taps: kh, window, padding };
}

/** Returns the weight in blocks, and the table. On this device the weight is [n, Cout, kh, kw, Cin/groups]. */
export function prepareBlocks(weight: tf.Tensor, shapes: ConvolutionShapes): tf.Tensor[] {
  const { groups, count, size, outputs, taps, inputs, window } = blocksOf(shapes);
  const [n] = shapes.weight;
  const row = taps * inputs;
  const bank = compute([n * groups * count * size], [weight], (bank, weight) => {
    for (let group = 0, to = 0; group < n * groups; group++) {
      for (let block = 0; block < count; block++, to += size) {
        const first = block * OUTPUTS, lanes = Math.min(OUTPUTS, outputs - first);
        for (let lane = 0; lane < lanes; lane++) {
          const from = (group * outputs + first + lane) * row;
          for (let i = 0; i < row; i++) bank[to + i * OUTPUTS + lane] = weight[from + i];
        }
      }
    }
  });
  return [bank, tf.tensor1d(tileTable(window, shapes.x[1]), "int32")];
}

/**
 * Returns the table of ../wasm/convolution.ts. A tile that would end after the last pixel begins earlier, or repeats
 * the last pixel.
 */
function tileTable(window: Window, channels: number): Int32Array {
  const reads = tapTable(window);
  const pixels = window.outputSize[0] * window.outputSize[1], taps = reads.length / pixels;
  const tile = (1 + taps) * PIXELS;
  const table = new Int32Array(Math.ceil(pixels / PIXELS) * tile);
  for (let start = 0, at = 0; at < table.length; start += PIXELS, at += tile) {
    const first = Math.max(0, Math.min(start, pixels - PIXELS));
    for (let i = 0; i < PIXELS; i++) {
      const pixel = Math.min(first + i, pixels - 1);
      table[at + i] = pixel;
      for (let tap = 0; tap < taps; tap++) {
        const read = reads[pixel * taps + tap];
        table[at + (1 + tap) * PIXELS + i] = read < 0 ? -1 : read * channels * NUMBER;
      }
    }
  }
  return table;
}

/** Blocks of a group that are computed together: full blocks, or a single block with fewer channels. */
export interface Span {
  readonly group: number;
  /** Index of the first block. */
  readonly first: number;
  readonly length: number;
  /** Number of output channels in the last block, at most OUTPUTS. */
  readonly lanes: number;
}

/** Returns all blocks, group by group. */
export function spansOf({ groups, count, size, outputs }: Blocks): Span[] {
  const most = Math.max(1, Math.floor(SPAN_BYTES / (NUMBER * size)));
  const whole = Math.floor(outputs / OUTPUTS);
  const spans: Span[] = [];
  for (let group = 0; group < groups; group++) {
    for (let first = 0; first < whole; first += most) {
      spans.push({ group, first, length: Math.min(most, whole - first), lanes: OUTPUTS });
    }
    if (whole < count) spans.push({ group, first: whole, length: 1, lanes: outputs % OUTPUTS });
  }
  return spans;
}
