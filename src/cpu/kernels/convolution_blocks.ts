/**
 * How a convolution falls into the blocks of output channels that ../wasm/convolution.ts computes: its weight as it lies
 * there, and the table of what windows read.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { ConvolutionAttributes } from "../../graph/ops/shared.ts";
import { tf } from "../tfjs.ts";
import { NUMBER, OUTPUTS, PIXELS } from "../wasm/convolution.ts";
import { tapTable, type Window, windowOver } from "./taps.ts";
import { compute } from "./typed_array.ts";

/** Images of fewer channels have the columns of a window, which lie one after the other, read as so many more. */
const FEW_CHANNELS = 16;

/**
 * Bytes of weights that all pixels of an image go through together, so that what is read and written is used while it
 * is in the first cache: about what the second cache holds beside them.
 */
const SPAN_BYTES = 2 ** 18;

/** How a convolution falls into blocks. */
export interface Blocks {
  /** Each output channel reads its own input channel: one group, whose blocks read different channels. */
  readonly depthwise: boolean;
  readonly groups: number;
  /** Input channels that an output channel sees at a tap. */
  readonly inputs: number;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Blocks of a group. */
  readonly count: number;
  /** Numbers of a block's weight. */
  readonly size: number;
  readonly taps: number;
  /** What is read, of an image that is padded by `padding` beforehand. */
  readonly window: Window;
  readonly padding?: readonly [rows: number, columns: number];
}

/** A convolution in the graph: `weight` [n, Cout, Cin/groups, kh, kw]. */
export interface ConvolutionShapes {
  readonly x: Shape;
  readonly weight: Shape;
  readonly y: Shape;
  readonly attributes: ConvolutionAttributes;
  /** Whether an attention makes a weight per sample. */
  readonly dynamic: boolean;
  /** Whether the n kernels are one for each sample, and not mixed. */
  readonly perSample: boolean;
}

/** Cuts a convolution into blocks. */
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

/** The weight, [n, Cout, kh, kw, Cin/groups] here, in blocks, and the table. */
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

/** The table of ../wasm/convolution.ts. Tiles that would go beyond the last pixel begin earlier, or repeat it. */
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

/** Blocks of a group that are computed together, of all their channels or one of fewer. */
export interface Span {
  readonly group: number;
  /** The first block. */
  readonly first: number;
  readonly length: number;
  /** Output channels that the last block has of OUTPUTS. */
  readonly lanes: number;
}

/** All blocks, group by group. */
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
