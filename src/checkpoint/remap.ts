/**
 * Holds a checkpoint's tensors against what a model needs, one for one.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { isFloat } from "./float32.ts";
import type { StateDict, Tensor } from "./state_dict.ts";

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

/**
 * The model's tensors in the model's order. Batch norm's counters, which old checkpoints lack, are filled with 0.
 * Throws CheckpointError that lists every tensor that is missing, unexpected or of another shape or type; `source` names
 * the checkpoint in it.
 */
export function remap(tensors: StateDict, spec: readonly TensorSpec[], source = "the checkpoint"): StateDict {
  const mapped: StateDict = new Map();
  const missing: string[] = [], misfits: string[] = [];
  for (const wanted of spec) {
    const tensor = tensors.get(wanted.name) ?? (wanted.name.endsWith(COUNTER) ? ZERO : undefined);
    if (!tensor) missing.push(`  ${wanted.name} ${brackets(wanted.shape)}`);
    else if (!fits(tensor, wanted)) {
      const found = `${tensor.dtype} ${brackets(tensor.shape)}`;
      misfits.push(
        `  ${wanted.name}: the model needs ${wanted.dtype} ${brackets(wanted.shape)}, the file has ${found}`,
      );
    } else mapped.set(wanted.name, tensor);
  }
  const names = new Set(spec.map(({ name }) => name));
  const unexpected = [...tensors].filter(([name]) => !names.has(name))
    .map(([name, { shape }]) => `  ${name} ${brackets(shape)}`);
  const lists = [["missing", missing], ["unexpected", unexpected], ["of another shape or type", misfits]] as const;
  const problems = lists.filter(([, lines]) => lines.length);
  if (!problems.length) return mapped;
  const total = problems.reduce((n, [, lines]) => n + lines.length, 0);
  throw new CheckpointError([
    `${source}: ${total} tensors do not fit the model`,
    ...problems.flatMap(([what, lines]) => [`${lines.length} ${what}:`, ...lines]),
  ].join("\n"));
}

const ZERO: Tensor = { dtype: "I64", shape: [], read: () => Promise.resolve(new Uint8Array(8)) };

function fits(tensor: Tensor, { shape, dtype }: TensorSpec): boolean {
  const sameShape = tensor.shape.length === shape.length && shape.every((d, i) => d === tensor.shape[i]);
  return sameShape && (dtype === "F32" ? isFloat(tensor.dtype) : tensor.dtype === dtype);
}

function brackets(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
