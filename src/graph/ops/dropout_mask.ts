import { ShapeError } from "../../errors.ts";
import type { Operator, Shape, Value } from "../graph.ts";
import { mix } from "../../random.ts";
import { expectShape } from "./shared.ts";

/** Attributes of dropout_mask. */
export type DropoutMaskAttributes = {
  /** The output's. */
  readonly shape: Shape;
  /** Probability of a zero, in [0, 1). */
  readonly p: number;
  /** Tells one layer's mask from another's: an unsigned 32-bit number, such as the hash of the layer's name. */
  readonly salt: number;
};

/**
 * The mask that dropout multiplies by in training: 1 / (1 - p), or 0 with probability p. It has no state: element i
 * (row-major) of the mask of a step depends on seed, step, salt and i alone. The arithmetic is unsigned 32-bit, the same on
 * every device:
 *
 *     key = mix(mix(mix(seed) ^ salt) ^ step)
 *     zero where mix(key + i * 0x9e3779b9) < floor(p * 2^32)
 *
 * with `mix` of ../random.ts. seed and step are whole numbers below 2^24, which float32 holds exactly.
 */
export const dropoutMask: Operator<
  {
    /** [1] */
    seed: Value;
    /** [1]; another number for every forward pass */
    step: Value;
  },
  DropoutMaskAttributes
> = {
  name: "dropout_mask",
  shape({ seed, step }, { shape, p }) {
    expectShape("seed", seed.shape, [1]);
    expectShape("step", step.shape, [1]);
    if (!(p >= 0 && p < 1)) throw new ShapeError(`p is ${p}, expected at least 0 and less than 1`);
    return shape;
  },
};

/** Numbers of a dropout mask below which an element is dropped: floor(p * 2^32). */
export function dropoutThreshold(p: number): number {
  return Math.floor(p * 2 ** 32);
}

/** The definition of dropout_mask in integers; `seed` and `step` whole numbers below 2^24. */
export function dropoutMaskValues(
  seed: number,
  step: number,
  { p, salt }: DropoutMaskAttributes,
  count: number,
): Float32Array<ArrayBuffer> {
  const key = mix(mix(mix(seed) ^ salt) ^ step);
  const threshold = dropoutThreshold(p);
  return Float32Array.from(
    { length: count },
    (_, i) => mix(key + Math.imul(i, 0x9e3779b9)) < threshold ? 0 : 1 / (1 - p),
  );
}
