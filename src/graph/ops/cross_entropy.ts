import { ShapeError } from "../../errors.ts";
import type { Operator, Value } from "../graph.ts";
import { expectShape } from "./shared.ts";

/** Attributes of cross_entropy and its gradient. */
export type CrossEntropyAttributes = {
  /** s, in [0, 1): the share of the target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
};

/**
 * torch.nn.functional.cross_entropy, the mean over the batch: with p = softmax(logits) and the target
 * q[b,c] = (1 - s) [c = labels[b]] + s / C,
 *
 *     loss = -1/B * sum over b, c of q[b,c] log p[b,c]        -> [1]
 *
 * The labels of a run are checked before it begins: a number that is no class is a DataError. There is no
 * ignore_index.
 */
export const crossEntropy: Operator<
  {
    /** [B, C] */
    logits: Value;
    /** [B], whole numbers from 0 to C - 1 */
    labels: Value;
  },
  CrossEntropyAttributes
> = {
  name: "cross_entropy",
  shape(operands, attributes) {
    check(operands, attributes);
    return [1];
  },
  gradient: ({ operands: { logits, labels }, attributes, gradient, apply }) => ({
    logits: apply(crossEntropyGrad, { logits, labels, gradient }, attributes),
  }),
};

/** The gradient to cross_entropy's logits: gradient * (p - q) / B; gradient [1] -> [B, C]. */
export const crossEntropyGrad: Operator<
  {
    /** [B, C] */
    logits: Value;
    /** [B], whole numbers */
    labels: Value;
    /** [1] */
    gradient: Value;
  },
  CrossEntropyAttributes
> = {
  name: "cross_entropy_grad",
  shape({ gradient, ...operands }, attributes) {
    check(operands, attributes);
    expectShape("gradient", gradient.shape, [1]);
    return operands.logits.shape;
  },
};

function check({ logits, labels }: { logits: Value; labels: Value }, { labelSmoothing }: CrossEntropyAttributes): void {
  expectShape("logits", logits.shape, [-1, -1]);
  expectShape("labels", labels.shape, [logits.shape[0]]);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ShapeError(`label smoothing is ${labelSmoothing}, expected at least 0 and less than 1`);
  }
}
