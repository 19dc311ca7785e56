/**
 * A weight's gradient and the gradients of its attentions are sums of the same correlation. If both are needed, one
 * kernel computes both. The products of ./attention_products.ts stay in registers. For a tile and a sample, the kernel
 * stores only its part of each attention's gradient.
 *
 * @module
 */

import type { Node, Operands } from "../../../../graph/graph.ts";
import type { attentionGrad } from "../../../../graph/ops/attention_grad.ts";
import {
  type conv2dAttentionProducts,
  type conv2dWeightGrad,
  isPerSample,
} from "../../../../graph/ops/convolution_grad.ts";
import type { PlanContext } from "../../../plan/plan.ts";

/** Nodes that one kernel computes. */
export interface SharedCorrelation {
  readonly weightGrad: Node<typeof conv2dWeightGrad>;
  readonly products: Node<typeof conv2dAttentionProducts>;
  /** All nodes that use the products. */
  readonly grads: readonly Node<typeof attentionGrad>[];
}

/**
 * Returns the nodes to plan together with a weight's gradient or with the products. Returns undefined if there are
 * none.
 */
export function sharedCorrelation(
  node: Node<typeof conv2dWeightGrad> | Node<typeof conv2dAttentionProducts>,
  context: PlanContext,
): SharedCorrelation | undefined {
  const { op, operands, attributes } = node as Node;
  const isWeightGrad = op.name === "conv2d_weight_grad";
  const other = isWeightGrad ? "conv2d_attention_products" : "conv2d_weight_grad";
  const found = context.nodes.find((candidate) => {
    const others = candidate.operands as Operands;
    return candidate.op.name === other && !context.isPlanned(candidate.output) && isReady(candidate, context) &&
      ["x", "gradient", "channel"].every((name) => others[name] === (operands as Operands)[name]) &&
      ["stride", "padding", "dilation", "groups"].every((a) => `${candidate.attributes[a]}` === `${attributes[a]}`);
  });
  if (!found) return undefined;
  const [weightGrad, products] = (isWeightGrad ? [node, found] : [found, node]) as [
    Node<typeof conv2dWeightGrad>,
    Node<typeof conv2dAttentionProducts>,
  ];
  const grads = context.users(products.output) as readonly Node<typeof attentionGrad>[];
  const scales = weightGrad.operands as Operands;
  const isPart = (grad: Node<typeof attentionGrad>) =>
    grad.op.name === "attention_grad" && !context.isPlanned(grad.output) &&
    (["filter", "spatial", "kernel"] as const).every((name) =>
      scales[name] === (name === grad.attributes.to ? scales[name] : (grad.operands as Operands)[name])
    );
  const attentions = Object.values(scales).filter((value) => value).length - 2;
  // Operands in textures use no storage buffer. This depends on the device's `operands`, not on its profile.
  const buffers = context.capabilities.operands === "buffer" ? 3 : 0;
  const fits = !isPerSample(weightGrad.output.shape, weightGrad.operands.kernel) &&
    weightGrad.output.shape.join() === products.operands.weight.shape.join() &&
    !context.isAnswer(products.output) && grads.length > 0 && grads.every(isPart) &&
    buffers + attentions + 2 <= context.capabilities.storageBuffers;
  return fits ? { weightGrad, products, grads } : undefined;
}

function isReady(node: Node, context: PlanContext): boolean {
  return Object.values(node.operands as Operands).every((value) => !value || context.isPlanned(value));
}
