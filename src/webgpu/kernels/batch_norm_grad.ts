/**
 * Batch norm over the batch's own statistics, and its backward; equations in src/graph/ops/batch_norm_grad.ts.
 *
 * @module
 */

import type { AttributesOf, Node, OperandsOf, Value } from "../../graph/graph.ts";
import type {
  batchNormInputGrad as batchNormInputGradOperator,
  batchNormWeightGrad as batchNormWeightGradOperator,
} from "../../graph/ops/batch_norm_grad.ts";
import type { batchNormTrain as batchNormTrainOperator } from "../../graph/ops/batch_norm_train.ts";
import { dispatch, type Resource } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel, PlanContext } from "../planner.ts";
import { reduceChannels } from "./reductions.ts";

/** Pixels of one channel that an invocation computes, so that it loads the channel's numbers once for all of them. */
const RUN = 8;

/** A plan for `expression` of texel `i`, after `setup` with the numbers of the block `c` of channels. */
function channelwise(
  node: Node,
  context: PlanContext,
  operands: Readonly<Record<string, Value | undefined>>,
  floats: Readonly<Record<string, number>>,
  setup: string,
  expression: string,
): void {
  const { blocks, pixels, texels } = blocked(node.output.shape);
  const reads: Record<string, Resource | undefined> = {};
  for (const [name, value] of Object.entries(operands)) reads[name] = value && context.read(value);
  const tiles = Math.ceil(pixels / RUN);
  context.emit(dispatch({
    label: node.op.name,
    reads,
    writes: { y: context.output(node) },
    uniforms: { blocks, pixels, tiles },
    floats,
    invocations: texels / pixels * tiles,
    body: `
  let plane = id / u.tiles;
  let c = plane % u.blocks;
${setup}
  // Neighbouring invocations touch neighbouring pixels.
${
      Array.from({ length: RUN }, (_, r) =>
        `  { let p = id % u.tiles + ${r}u * u.tiles; if (p < u.pixels) { let i = plane * u.pixels + p; y[i] = ${expression}; } }`)
        .join("\n")
    }`,
  }));
}

/** weight (x - mean) / sqrt(variance + eps) + bias. */
export const batchNormTrain: Kernel = (node, context) => {
  const operands = node.operands as OperandsOf<typeof batchNormTrainOperator>;
  const { eps } = node.attributes as AttributesOf<typeof batchNormTrainOperator>;
  const setup = `
  let scale = weight(c) * inverseSqrt(variance(c) + u.eps);
  let centre = mean(c);
  let shift = bias(c);`;
  channelwise(node, context, operands, { eps }, setup, "scale * (x(i) - centre) + shift");
};

/** By channel, the sum of gradient * (x - mean), over sqrt(variance + eps). */
export const batchNormWeightGrad: Kernel = (node, context) => {
  const { x, gradient, mean, variance } = node.operands as OperandsOf<typeof batchNormWeightGradOperator>;
  const { eps } = node.attributes as AttributesOf<typeof batchNormWeightGradOperator>;
  reduceChannels({
    label: "batch_norm_weight_grad",
    shape: x.shape,
    reads: { x: context.read(x), gradient: context.read(gradient), mean: context.read(mean) },
    setup: "  let centre = mean(c);",
    term: "gradient(at) * (x(at) - centre)",
    finish: "sum * inverseSqrt(variance(c) + u.eps)",
    finishReads: { variance: context.read(variance) },
    floats: { eps },
    y: context.output(node),
  }, context);
};

/** Through the weight alone where the statistics are constants, else through the statistics as well. */
export const batchNormInputGrad: Kernel = (node, context) => {
  const operands = node.operands as OperandsOf<typeof batchNormInputGradOperator>;
  const { eps } = node.attributes as AttributesOf<typeof batchNormInputGradOperator>;
  const { batch, pixels } = blocked(node.output.shape);
  const setup = `
  let inverse = inverseSqrt(variance(c) + u.eps);
  let factor = weight(c) * inverse;`;
  if (!operands.x) return channelwise(node, context, operands, { eps }, setup, "factor * gradient(i)");
  const through = `${setup}
  let centre = mean(c);
  let offset = biasGradient(c) * u.share;
  let slope = weightGradient(c) * inverse * u.share;`;
  const floats = { eps, share: 1 / (batch * pixels) };
  channelwise(node, context, operands, floats, through, "factor * (gradient(i) - offset - slope * (x(i) - centre))");
};
