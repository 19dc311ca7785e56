/**
 * This project's own WebAssembly kernels. They read and write tensors directly in tfjs's memory.
 *
 * If the machine has relaxed SIMD, a multiplication and an addition take one instruction instead of two.
 *
 * @module
 */

import { caller, f32x4, writeModule } from "./assembler.ts";
import { convolution, type MultiplyAdd } from "./convolution.ts";
import { mean } from "./mean.ts";
import { mix } from "./mix.ts";

/** The kernels. The caller must pass valid addresses. */
export type WasmKernels = Awaited<ReturnType<typeof openWasmKernels>>;

/** Two instructions, each of which rounds. */
const inTwo: MultiplyAdd = (a, b, c) => f32x4.add(c, f32x4.mul(a, b));

/** Returns true if this machine multiplies and adds in one instruction. */
function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(writeModule([mix(f32x4.relaxedMadd)]));
}

/** Returns the name of the instruction set that the kernels use, for display. */
export function simdName(): string {
  return hasRelaxedSimd() ? "relaxed SIMD" : "SIMD";
}

/** Compiles the kernels, with relaxed SIMD or without. */
// deno-lint-ignore explicit-module-boundary-types -- each kernel's parameters are what its own module says
export async function openWasmKernels(memory: WebAssembly.Memory, relaxed: boolean = hasRelaxedSimd()) {
  const multiplyAdd = relaxed ? f32x4.relaxedMadd : inTwo;
  const functions = {
    convolve: convolution("convolve", multiplyAdd),
    long: convolution("long", multiplyAdd),
    depthwise: convolution("depthwise", multiplyAdd),
    mean,
    mix: mix(multiplyAdd),
  };
  const { instance } = await WebAssembly.instantiate(writeModule(Object.values(functions)), { odconv: { memory } });
  return {
    convolve: caller(instance, functions.convolve),
    long: caller(instance, functions.long),
    depthwise: caller(instance, functions.depthwise),
    mean: caller(instance, functions.mean),
    mix: caller(instance, functions.mix),
  };
}
