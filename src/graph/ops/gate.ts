/** Operators that decide within a run which updates are made: for batches in parts, and for steps that went wrong. */

import type { Operator, Value } from "../graph.ts";
import { expectShape } from "./shared.ts";

/** total + gradient if keep is not 0, else gradient: the sum of gradients over the parts of a batch. */
export const accumulate: Operator<
  {
    /** Any shape. */
    total: Value;
    /** Total's shape. */
    gradient: Value;
    /** [1] */
    keep: Value;
  },
  Record<never, never>
> = {
  name: "accumulate",
  shape({ total, gradient, keep }) {
    expectShape("gradient", gradient.shape, total.shape);
    expectShape("keep", keep.shape, [1]);
    return total.shape;
  },
};

/** open if x is a finite number, else 0; all [1]. */
export const gate: Operator<{ open: Value; x: Value }, Record<never, never>> = {
  name: "gate",
  shape({ open, x }) {
    expectShape("open", open.shape, [1]);
    expectShape("x", x.shape, [1]);
    return [1];
  },
};
