/** Pseudo-random numbers that are equal in Python and TypeScript to the last bit (tests/reference/weights.py). */

import type { StateDict } from "../../src/checkpoint/tensors/state_dict.ts";
import { type Shape, size } from "../../src/graph/graph.ts";
import type { TensorSpec } from "../../src/checkpoint/remapping/remap.ts";

/** 32-bit FNV-1a hash of the name's UTF-8 bytes. */
export function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) h = Math.imul(h ^ byte, 0x01000193);
  return h;
}

/** Murmur3's finalizer: every bit of the input flips half of the bits of the output. */
export function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * offset + scale u. u is uniform in [-1, 1) in steps of 2^-23. It is computed in float64 and rounded to float32 once.
 */
export function uniform(name: string, shape: Shape, scale = 1, offset = 0): Float32Array<ArrayBuffer> {
  const seed = seedOf(name);
  const values = new Float32Array(size(shape));
  for (let i = 0; i < values.length; i++) {
    const u = (mix(mix(i) ^ seed) >>> 8) / 2 ** 23 - 1;
    values[i] = offset + scale * u;
  }
  return values;
}

/**
 * Returns scale and offset of a float tensor of a state dict. With them activations stay of order one from the first
 * layer to the last. scale_and_offset() in weights.py explains the numbers.
 */
function scaleAndOffset(name: string, shape: Shape, names: ReadonlySet<string>): [number, number] {
  if (name.endsWith("running_var")) return [0.5, 1];
  if (name.endsWith("running_mean")) return [0.2, 0];
  if (name.endsWith("bias")) return [name.includes("_fc.") ? 0.5 : 0.2, 0];
  if (shape.length === 1) {
    const endsBranch = name.endsWith("bn3.weight") ||
      name.endsWith("bn2.weight") && !names.has(name.replace("bn2", "bn3"));
    return endsBranch ? [0.1, 0.25] : [0.5, 1];
  }
  const fanIn = size(shape.slice(shape.length === 5 ? 2 : 1));
  let gain = name.includes(".attention.") ? 0.1 : 1.4;
  if (shape.length === 5) {
    const heads = ["channel", "filter", "spatial"].map((head) => name.replace("weight", `attention.${head}_fc.weight`));
    gain *= 3.5 ** heads.filter((head) => names.has(head)).length * shape[0];
  }
  return [Math.sqrt(3 * gain / fanIn), 0];
}

/** Returns the standard deviation of the input of an attention's norm, if it is small: sensitivity() in weights.py. */
function sensitivity(name: string): number | undefined {
  if (name.startsWith("layer1.0.")) return 0.01;
  return /^features\.[12]\./.test(name) ? 0.03 : undefined;
}

/** As scaleAndOffset, with sensitive attentions: sensitive_scale_and_offset() in weights.py explains the numbers. */
function sensitiveScaleAndOffset(name: string, shape: Shape, names: ReadonlySet<string>): [number, number] {
  const spread = sensitivity(name);
  if (spread && name.endsWith("attention.bn.running_var")) return [spread ** 2 / 2, spread ** 2];
  return scaleAndOffset(name, shape, names);
}

/** Returns [batch, 3, size, size], four patches of one colour each: patches() in weights.py. */
export function patches(name: string, [batch, channels, height, width]: Shape): Float32Array<ArrayBuffer> {
  const quarters = uniform(name, [batch, channels, 2, 2], 2);
  const half = (size: number) => Math.ceil(size / 2);
  return Float32Array.from({ length: batch * channels * height * width }, (_, i) => {
    const plane = Math.floor(i / (height * width)), y = Math.floor(i / width) % height, x = i % width;
    return quarters[plane * 4 + Math.floor(y / half(height)) * 2 + Math.floor(x / half(width))];
  });
}

/**
 * As scaleAndOffset, well-conditioned in float32 for training: training_scale_and_offset() in weights.py explains the
 * numbers.
 */
function trainingScaleAndOffset(name: string, shape: Shape, names: ReadonlySet<string>): [number, number] {
  const [scale, offset] = scaleAndOffset(name, shape, names);
  if (name.endsWith("attention.bn.weight")) return [0.15, 0.5];
  if (name.endsWith("attention.bn.bias")) return [scale, 1.2];
  if (name.endsWith("attention.fc.weight")) return [scale * 4, 0];
  if (name.endsWith("kernel_fc.weight")) return [scale / 4, 0];
  if (/(bn1|downsample\.1|\d\.1)\.bias$/.test(name)) return [scale, 2.5];
  return [shape.length === 2 ? scale / 4 : scale, offset];
}

/** Returns random tensors for a model, computed when they are read: state_dict() in weights.py. */
export function randomStateDict(spec: readonly TensorSpec[], law: typeof scaleAndOffset = scaleAndOffset): StateDict {
  const names = new Set(spec.map(({ name }) => name));
  return new Map(spec.map(({ name, shape, dtype }) => {
    const values = () =>
      dtype === "I64"
        ? BigInt64Array.of(BigInt((seedOf(name) >>> 0) % 1000))
        : uniform(name, shape, ...law(name, shape, names));
    return [name, { dtype, shape, read: () => Promise.resolve(new Uint8Array(values().buffer)) }];
  }));
}

/**
 * As randomStateDict, with sensitive attentions. Their norms have these means, as write_model_fixtures.py sets them.
 */
export function randomSensitiveStateDict(
  spec: readonly TensorSpec[],
  means: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
): StateDict {
  const state = new Map(randomStateDict(spec, sensitiveScaleAndOffset));
  for (const [name, values] of means) {
    state.set(name, { ...state.get(name)!, read: () => Promise.resolve(new Uint8Array(values.slice().buffer)) });
  }
  return state;
}

/** As randomStateDict, well-conditioned in training: training_state_dict() in weights.py. */
export function randomTrainingStateDict(spec: readonly TensorSpec[]): StateDict {
  return randomStateDict(spec, trainingScaleAndOffset);
}
