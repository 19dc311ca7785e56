import { assert, assertEquals } from "@std/assert";
import { OUTPUTS, PIXELS } from "../../src/cpu/wasm/convolution.ts";
import { openWasmKernels, type WasmKernels } from "../../src/cpu/wasm/module.ts";
import { relativeError } from "../support/error.ts";
import { random } from "../support/random_graph.ts";

/** Numbers of input channels: fewer and more than one chain of additions has. */
const CHANNELS = 7, MANY_CHANNELS = 300;

const BLOCKS = 2, KERNELS = 3, TAPS = 2;

/** Output channels, of a pixel of y. */
const WIDTH = BLOCKS * OUTPUTS;

/** Tensors in a memory that starts with zeros: numbers and where they lie. */
class Tensors {
  readonly memory = new WebAssembly.Memory({ initial: 1 });
  #end = 2048;

  /** Room for so many numbers, random ones, and its address. */
  place(count: number): { readonly address: number; readonly numbers: Float32Array } {
    const numbers = new Float32Array(this.memory.buffer, this.#end, count);
    numbers.set(random([count], this.#end));
    this.#end += 16 * Math.ceil(count / 4);
    return { address: numbers.byteOffset, numbers };
  }

  /** The table of a tile of one tap; the last pixel reads the padding. */
  table(pitch: number): number {
    const { address } = this.place(2 * PIXELS);
    const table = new Int32Array(this.memory.buffer, address, 2 * PIXELS);
    for (let i = 0; i < PIXELS; i++) {
      table[i] = i;
      table[PIXELS + i] = i < PIXELS - 1 ? 4 * i * pitch : -1;
    }
    return address;
  }
}

/** A tile of a 1x1 convolution of `width` numbers a pixel: the call, its operands, and what float64 loops answer. */
function tile(
  tensors: Tensors,
  channels: number,
  width: number,
  read: (pixel: number, c: number, o: number) => number,
) {
  const x = tensors.place(PIXELS * width), weight = tensors.place(WIDTH * channels), bias = tensors.place(WIDTH);
  const y = tensors.place(PIXELS * WIDTH), totals = tensors.place(PIXELS * OUTPUTS);
  const args = {
    ...{ x: x.address, table: tensors.table(width), zeros: 0, weight: weight.address, bias: bias.address, residual: 0 },
    ...{
      totals: totals.address,
      y: y.address,
      pitch: 4 * WIDTH,
      tiles: 1,
      blocks: BLOCKS,
      taps: 1,
      channels,
      least: 0,
      most: 6,
    },
  };
  const expected = Float64Array.from({ length: PIXELS * WIDTH }, (_, i) => {
    const pixel = Math.floor(i / WIDTH), o = i % WIDTH, block = Math.floor(o / OUTPUTS);
    let sum = bias.numbers[o];
    for (let c = 0; c < channels && pixel < PIXELS - 1; c++) {
      sum += x.numbers[read(pixel, c, o)] * weight.numbers[(block * channels + c) * OUTPUTS + o % OUTPUTS];
    }
    return Math.min(Math.max(sum, 0), 6);
  });
  return { args, x, bias, y, expected };
}

function assertClose(actual: Float32Array, expected: Float64Array): void {
  const error = relativeError(actual, expected);
  assert(error < 1e-6, `relative error ${error.toExponential(1)}`);
}

function convolves(kernels: WasmKernels, tensors: Tensors): void {
  const { args, x, bias, y, expected } = tile(tensors, CHANNELS, CHANNELS, (pixel, c) => pixel * CHANNELS + c);
  const untouched = y.numbers.slice();
  kernels.convolve({ ...args, tiles: 0 });
  assertEquals(y.numbers, untouched);
  kernels.convolve(args);
  assertClose(y.numbers, expected);

  // What is no number stays so through the activation, in its pixel alone, as in PyTorch.
  x.numbers[0] = NaN;
  kernels.convolve(args);
  const isNaN = [...y.numbers].map(Number.isNaN);
  assertEquals(isNaN, isNaN.map((_, i) => i < WIDTH));

  kernels.convolve({ ...args, channels: 0 });
  assertEquals(
    [...y.numbers],
    Array.from({ length: PIXELS }, () => [...bias.numbers].map((b) => Math.max(b, 0))).flat(),
  );
}

function convolvesManyChannels(kernels: WasmKernels, tensors: Tensors): void {
  const { args, y, expected } = tile(tensors, MANY_CHANNELS, MANY_CHANNELS, (pixel, c) => pixel * MANY_CHANNELS + c);
  kernels.long(args);
  assertClose(y.numbers, expected);
}

function convolvesDepthwise(kernels: WasmKernels, tensors: Tensors): void {
  const { args, y, expected } = tile(tensors, 1, WIDTH, (pixel, _, o) => pixel * WIDTH + o);
  kernels.depthwise(args);
  assertClose(y.numbers, expected);
}

function mixes(kernels: WasmKernels, tensors: Tensors): void {
  const size = TAPS * CHANNELS * OUTPUTS;
  const bank = tensors.place(KERNELS * size), kernel = tensors.place(KERNELS), spatial = tensors.place(TAPS);
  const channel = tensors.place(CHANNELS), filter = tensors.place(OUTPUTS), weight = tensors.place(size);
  kernels.mix({
    ...{ bank: bank.address, pitch: 4 * size, kernel: kernel.address, spatial: spatial.address },
    ...{ channel: channel.address, filter: filter.address, weight: weight.address },
    ...{ kernels: KERNELS, taps: TAPS, channels: CHANNELS },
  });
  const expected = Float64Array.from({ length: size }, (_, i) => {
    const at = Math.floor(i / OUTPUTS), scale = spatial.numbers[Math.floor(at / CHANNELS)];
    let sum = 0;
    for (let k = 0; k < KERNELS; k++) sum += kernel.numbers[k] * bank.numbers[k * size + i];
    return sum * scale * channel.numbers[at % CHANNELS] * filter.numbers[i % OUTPUTS];
  });
  assertClose(weight.numbers, expected);
}

for (const relaxed of [true, false]) {
  for (const check of [convolves, convolvesManyChannels, convolvesDepthwise, mixes]) {
    Deno.test(`a WASM kernel ${relaxed ? "with" : "without"} relaxed SIMD ${check.name} as float64 loops do`, async () => {
      const tensors = new Tensors();
      check(await openWasmKernels(tensors.memory, relaxed), tensors);
    });
  }
}
