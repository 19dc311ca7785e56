import { assert, assertEquals } from "@std/assert";
import { OUTPUTS, PIXELS } from "../../src/cpu/wasm/convolution.ts";
import { openWasmKernels } from "../../src/cpu/wasm/module.ts";
import { random, relativeError } from "../support/random_graph.ts";

/** Numbers of a tile: its sums, its input channels, its weight's blocks. */
const SUMS = PIXELS * OUTPUTS, CHANNELS = 7, BLOCKS = 2;

/** One tile of a 1x1 convolution whose last pixel is padding, and what it shall be, in float64. */
function tile(numbers: Float32Array, integers: Int32Array) {
  const x = 1024, weight = 2048, bias = 4096, y = 5120, table = 6144, zeros = 7168; // indices of numbers
  numbers.set(random([PIXELS * CHANNELS], 1), x);
  numbers.set(random([BLOCKS * CHANNELS * OUTPUTS], 2), weight);
  numbers.set(random([BLOCKS * OUTPUTS], 3), bias);
  for (let i = 0; i < PIXELS; i++) {
    integers[table + i] = i;
    integers[table + PIXELS + i] = i < PIXELS - 1 ? i * CHANNELS * 4 : -1;
  }
  const pitch = BLOCKS * OUTPUTS;
  const expected = Float64Array.from({ length: SUMS * BLOCKS }, (_, at) => {
    const pixel = Math.floor(at / pitch), o = at % pitch;
    let sum = numbers[bias + o];
    for (let c = 0; c < CHANNELS && pixel < PIXELS - 1; c++) {
      const w = Math.floor(o / OUTPUTS) * CHANNELS * OUTPUTS + c * OUTPUTS + o % OUTPUTS;
      sum += numbers[x + pixel * CHANNELS + c] * numbers[weight + w];
    }
    return Math.min(Math.max(sum, 0), 6);
  });
  const args = {
    ...{ x: 4 * x, table: 4 * table, zeros: 4 * zeros, weight: 4 * weight, bias: 4 * bias, residual: 0, y: 4 * y },
    ...{ pitch: 4 * pitch, tiles: 1, blocks: BLOCKS, taps: 1, channels: CHANNELS, least: 0, most: 6 },
  };
  return { args, expected, x, result: () => numbers.slice(y, y + SUMS * BLOCKS) };
}

for (const relaxed of [true, false]) {
  Deno.test(`WASM kernels ${relaxed ? "with" : "without"} relaxed SIMD answer float64 loops`, async () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { args, expected, x, result } = tile(new Float32Array(memory.buffer), new Int32Array(memory.buffer));
    const kernels = await openWasmKernels(memory, relaxed);
    kernels.convolve(args);
    const error = relativeError(result(), expected);
    assert(error < 1e-6, `relative error ${error.toExponential(1)}`);

    // What is no number stays so through the activation, in its pixel alone, as in PyTorch.
    new Float32Array(memory.buffer)[x] = NaN;
    kernels.convolve(args);
    const isNaN = [...result()].map(Number.isNaN);
    assertEquals(isNaN, isNaN.map((_, i) => i < BLOCKS * OUTPUTS));

    kernels.convolve({ ...args, tiles: 0 }); // nothing at all is done
    kernels.convolve({ ...args, channels: 0 });
    const bias = new Float32Array(memory.buffer, args.bias, BLOCKS * OUTPUTS);
    assertEquals([...result()], Array.from({ length: PIXELS }, () => [...bias].map((b) => Math.max(b, 0))).flat());
  });
}
