/**
 * Matches a checkpoint's tensors with those that a model needs, one to one.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { isFloat, toFloat32 } from "../tensors/float32.ts";
import { remedyFor } from "../tensors/remedy.ts";
import type { DType, StateDict, Tensor } from "../tensors/state_dict.ts";

/** A tensor that a model needs. A dtype of F32 accepts any floating-point type. */
export interface TensorSpec {
  /** The PyTorch name. */
  readonly name: string;
  /** Sizes, outermost dimension first. */
  readonly shape: readonly number[];
  /** The element type. */
  readonly dtype: "F32" | "I64";
}

/** The name of batch norm's counter. PyTorch has it since 0.4.1. */
const COUNTER = ".num_batches_tracked";

/** Returns whether a tensor of a model is batch norm's counter. Only training reads it. */
export function isCounter(name: string): boolean {
  return name.endsWith(COUNTER);
}

/**
 * Returns the model's tensors in the model's order. Batch norm's counters, which old checkpoints lack, are set to 0 if
 * missing. A counter of another type or of shape [1] is converted as load_state_dict does. Throws CheckpointError with
 * a list of all tensors that are missing, unexpected, or of another shape or type. `source` is the checkpoint's name in
 * that message.
 */
export function remap(tensors: StateDict, spec: readonly TensorSpec[], source = "the checkpoint"): StateDict {
  const mapped: StateDict = new Map();
  const missing: string[] = [], misfits: string[] = [];
  // Grouped by reason: hundreds of tensors may have the same one.
  const refused = new Map<string, string[]>();
  for (const wanted of spec) {
    const given = tensors.get(wanted.name);
    const tensor = isCounter(wanted.name) ? given ? counter(given) : ZERO : given;
    const remedy = tensor && remedyFor(tensor);
    if (!tensor) missing.push(`  ${wanted.name} ${brackets(wanted.shape)}`);
    else if (remedy !== undefined) {
      const lines = refused.get(remedy) ?? [];
      refused.set(remedy, lines);
      lines.push(`  ${wanted.name} ${brackets(wanted.shape)}`);
    } else if (!fits(tensor, wanted)) {
      const found = `${tensor.dtype} ${brackets(tensor.shape)}`;
      misfits.push(
        `  ${wanted.name}: the model needs ${wanted.dtype} ${brackets(wanted.shape)}, the file has ${found}`,
      );
    } else mapped.set(wanted.name, tensor);
  }
  const names = new Set(spec.map(({ name }) => name));
  const unexpected = [...tensors].filter(([name]) => !names.has(name))
    .map(([name, { shape }]) => `  ${name} ${brackets(shape)}`);
  const lists: [what: string, lines: string[]][] = [
    ["missing", missing],
    ["unexpected", unexpected],
    ["of another shape or type", misfits],
    ...[...refused].map(([remedy, lines]): [string, string[]] => [`cannot be taken, each because ${remedy}`, lines]),
  ];
  const problems = lists.filter(([, lines]) => lines.length);
  if (!problems.length) return mapped;
  const total = problems.reduce((n, [, lines]) => n + lines.length, 0);
  throw new CheckpointError([
    `${source}: ${total === 1 ? "1 tensor does" : `${total} tensors do`} not fit the model`,
    ...problems.flatMap(([what, lines]) => [`${lines.length} ${what}:`, ...lines]),
  ].join("\n"));
}

const ZERO: Tensor = { dtype: "I64", shape: [], read: () => Promise.resolve(new Uint8Array(8)) };

/**
 * Returns a counter as int64 [] if it is a scalar or a list of numbers. Of a list, load_state_dict takes the first.
 * Other tensors are returned unchanged.
 */
function counter(tensor: Tensor): Tensor {
  const { dtype, shape } = tensor;
  const asNumber = NUMBERS[dtype];
  if (!asNumber && !isFloat(dtype) || shape.length > 1 || shape[0] === 0 || dtype === "I64" && !shape.length) {
    return tensor;
  }
  return {
    dtype: "I64",
    shape: [],
    async read() {
      const bytes = await tensor.read();
      const value = asNumber?.(new DataView(bytes.buffer, bytes.byteOffset)) ?? (await toFloat32(tensor))[0];
      // Truncates towards zero, as a cast does. NaN and infinity become 0.
      const whole = typeof value === "bigint" ? value : Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
      return new Uint8Array(BigInt64Array.of(BigInt.asIntN(64, whole)).buffer);
    },
  };
}

/** How to read an integer of each type. */
const NUMBERS: Readonly<Partial<Record<DType, (view: DataView) => number | bigint>>> = {
  I64: (view) => view.getBigInt64(0, true),
  I32: (view) => view.getInt32(0, true),
  I16: (view) => view.getInt16(0, true),
  I8: (view) => view.getInt8(0),
  U8: (view) => view.getUint8(0),
  BOOL: (view) => view.getUint8(0),
  F64: (view) => view.getFloat64(0, true),
};

function fits(tensor: Tensor, { shape, dtype }: TensorSpec): boolean {
  const sameShape = tensor.shape.length === shape.length && shape.every((d, i) => d === tensor.shape[i]);
  return sameShape && (dtype === "F32" ? isFloat(tensor.dtype) : tensor.dtype === dtype);
}

function brackets(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
