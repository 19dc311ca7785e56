/**
 * Holds a checkpoint's tensors against what a model needs, one for one.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { isFloat, toFloat32 } from "../tensors/float32.ts";
import { remedyFor } from "../tensors/remedy.ts";
import type { DType, StateDict, Tensor } from "../tensors/state_dict.ts";

/** One tensor that a model needs. F32 stands for any floating-point type. */
export interface TensorSpec {
  /** PyTorch's name. */
  readonly name: string;
  /** Extents, outermost first. */
  readonly shape: readonly number[];
  /** What its elements are. */
  readonly dtype: "F32" | "I64";
}

/** The counter that batch norm has had since PyTorch 0.4.1. */
const COUNTER = ".num_batches_tracked";

/** Whether a tensor of a model is a counter of batch norm, which nothing but training reads. */
export function isCounter(name: string): boolean {
  return name.endsWith(COUNTER);
}

/**
 * The model's tensors in the model's order. Batch norm's counters, which old checkpoints lack, are filled with 0; of other
 * types or of shape [1] they are taken as load_state_dict takes them.
 * Throws CheckpointError that lists every tensor that is missing, unexpected or of another shape or type; `source` names
 * the checkpoint in it.
 */
export function remap(tensors: StateDict, spec: readonly TensorSpec[], source = "the checkpoint"): StateDict {
  const mapped: StateDict = new Map();
  const missing: string[] = [], misfits: string[] = [];
  // By the reason: there may be hundreds with one.
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

/** A counter as int64 [], where it is a scalar or a list of numbers, of which load_state_dict takes the first; else as it is. */
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
      // As a cast does: towards zero. What no int64 is becomes 0.
      const whole = typeof value === "bigint" ? value : Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
      return new Uint8Array(BigInt64Array.of(BigInt.asIntN(64, whole)).buffer);
    },
  };
}

/** How a whole number of each type is read. */
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
