/**
 * This project's own WebAssembly kernels, on tfjs's memory: they read and write tensors where these lie.
 *
 * Relaxed SIMD multiplies and adds in one instruction, which doubles a convolution's speed; Safari does not have it yet.
 *
 * @module
 */

import { type Code, f32x4, type Local, writeModule } from "./assembler.ts";
import { convolution, type ConvolutionArguments, convolutionArguments } from "./convolution.ts";
import { mix, type MixArguments, mixArguments } from "./mix.ts";

/** The kernels. Whoever calls them answers for the addresses. */
export interface WasmKernels {
  convolve(args: ConvolutionArguments): void;
  depthwise(args: ConvolutionArguments): void;
  mix(args: MixArguments): void;
}

/** Whether this machine multiplies and adds in one instruction. */
function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(moduleBytes(f32x4.relaxedMadd));
}

/** Which instructions they take, for people. */
export function simdName(): string {
  return hasRelaxedSimd() ? "relaxed SIMD" : "SIMD";
}

/** Compiles the kernels, with relaxed SIMD or without. */
export async function openWasmKernels(
  memory: WebAssembly.Memory,
  relaxed: boolean = hasRelaxedSimd(),
): Promise<WasmKernels> {
  const bytes = moduleBytes(relaxed ? f32x4.relaxedMadd : (a, b, c) => f32x4.add(c, f32x4.mul(a, b)));
  const { instance } = await WebAssembly.instantiate(bytes, { odconv: { memory } });
  const functions = instance.exports as Record<"convolve" | "depthwise" | "mix", (...numbers: number[]) => void>;
  return {
    convolve: (args) => functions.convolve(...convolutionArguments(args)),
    depthwise: (args) => functions.depthwise(...convolutionArguments(args)),
    mix: (args) => functions.mix(...mixArguments(args)),
  };
}

function moduleBytes(multiplyAdd: (a: Local, b: Local, c: Local) => Code): Uint8Array<ArrayBuffer> {
  return writeModule([
    convolution("convolve", multiplyAdd),
    convolution("depthwise", multiplyAdd),
    mix(multiplyAdd),
  ]);
}
