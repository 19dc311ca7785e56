import { ShapeError } from "../../errors.ts";
import type { Operator, Value } from "../graph.ts";
import { permute } from "./layout.ts";

/** torch.bmm: the product of two matrices for every sample. */
export const bmm: Operator<
  {
    /** [B, M, K] */
    a: Value;
    /** [B, K, N] */
    b: Value;
  },
  Record<never, never>
> = {
  name: "bmm",
  shape({ a: { shape: a }, b: { shape: b } }) {
    if (a.length !== 3 || b.length !== 3 || a[0] !== b[0] || a[2] !== b[1]) {
      throw new ShapeError(`a is [${a.join(", ")}] and b [${b.join(", ")}], expected [B, M, K] and [B, K, N]`);
    }
    return [a[0], a[1], b[2]];
  },
  madds: ({ a, b }) => a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2],
  gradient({ operands: { a, b }, gradient, needs, apply }) {
    const transposed = (x: Value) => apply(permute, { x }, { dims: [0, 2, 1] });
    return {
      a: needs("a") ? apply(bmm, { a: gradient, b: transposed(b) }, {}) : null,
      b: needs("b") ? apply(bmm, { a: transposed(a), b: gradient }, {}) : null,
    };
  },
};
