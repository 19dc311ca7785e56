/**
 * Batch norm with the batch's own statistics, and its backward. The equations are in src/graph/ops/batch_norm_grad.ts.
 *
 * @module
 */

import type { AttributesOf, OperandsOf } from "../../../graph/graph.ts";
import type {
  batchNormInputGrad as batchNormInputGradOperator,
  batchNormWeightGrad as batchNormWeightGradOperator,
} from "../../../graph/ops/batch_norm_grad.ts";
import type { batchNormTrain as batchNormTrainOperator } from "../../../graph/ops/batch_norm_train.ts";
import type { Formula, Names } from "../../plan/formula.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { planFormula } from "../wgsl/formula.ts";
import { biasGradient, reduceChannels } from "./reductions.ts";

/** weight (x - mean) / sqrt(variance + eps) + bias. */
export const batchNormTrain: Kernel = (node, context) => {
  const { x, ...channels } = node.operands as OperandsOf<typeof batchNormTrainOperator>;
  const { eps } = node.attributes as AttributesOf<typeof batchNormTrainOperator>;
  planFormula(node, {
    texels: { x },
    channels,
    floats: { eps },
    setup: { scale: (n) => `${n.weight} * inverseSqrt(${n.variance} + ${n.eps})` },
    result: (n) => `${n.scale} * (${n.x} - ${n.mean}) + ${n.bias}`,
  }, context);
};

/**
 * Per channel, the sum of gradient * (x - mean) / sqrt(variance + eps). The same pass also sums the gradient itself, if
 * the gradient to the bias is needed.
 */
export const batchNormWeightGrad: Kernel = (node, context) => {
  const { x, gradient, mean, variance } = node.operands as OperandsOf<typeof batchNormWeightGradOperator>;
  const { eps } = node.attributes as AttributesOf<typeof batchNormWeightGradOperator>;
  const biasGrad = biasGradient(gradient, context);
  reduceChannels({
    label: biasGrad ? "batch_norm_weight_and_bias_grad" : "batch_norm_weight_grad",
    shape: x.shape,
    sums: [
      {
        term: { texels: { x, gradient }, channels: { mean }, result: (n) => `${n.gradient} * (${n.x} - ${n.mean})` },
        finish: (sum) => `${sum} * inverseSqrt(variance(c) + u.eps)`,
        finishReads: { variance: context.read(variance) },
        y: context.output(node),
      },
      ...biasGrad
        ? [{ term: { texels: { gradient }, result: (n: Names) => n.gradient }, y: context.output(biasGrad) }]
        : [],
    ],
    floats: { eps },
  }, context);
};

/**
 * The gradient to x. It goes through the weight alone if the statistics are constants, else through the statistics as
 * well.
 */
export const batchNormInputGrad: Kernel = (node, context) => {
  const { x, gradient, ...channels } = node.operands as OperandsOf<typeof batchNormInputGradOperator>;
  const { eps } = node.attributes as AttributesOf<typeof batchNormInputGradOperator>;
  const { batch, pixels } = blocked(node.output.shape);
  const setup: Formula["setup"] = {
    inverse: (n) => `inverseSqrt(${n.variance} + ${n.eps})`,
    factor: (n) => `${n.weight} * ${n.inverse}`,
  };
  const through: Formula["setup"] = {
    offset: (n) => `${n.biasGradient} * ${n.share}`,
    slope: (n) => `${n.weightGradient} * ${n.inverse} * ${n.share}`,
  };
  planFormula(node, {
    texels: { x, gradient },
    channels,
    floats: { eps, share: 1 / (batch * pixels) },
    setup: x ? { ...setup, ...through } : setup,
    result: (n) =>
      x
        ? `${n.factor} * (${n.gradient} - ${n.offset} - ${n.slope} * (${n.x} - ${n.mean}))`
        : `${n.factor} * ${n.gradient}`,
  }, context);
};
