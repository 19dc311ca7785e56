/**
 * A convolution by kernels that are mixed for it alone becomes dynamic_conv2d: executors then mix as they load, or some
 * samples at a time, and keep no weight for every sample. Its gradient rule keeps none either, so that this pass also goes
 * before autodiff.
 */

import { countUses, type Graph, type Node, type Value } from "../graph.ts";
import { conv2d } from "../ops/conv2d.ts";
import { dynamicConv2d } from "../ops/dynamic_conv2d.ts";
import { mixKernels } from "../ops/mix_kernels.ts";
import { rewrite } from "./rewrite.ts";

/**
 * Fuses every mix_kernels whose result is the weight of one conv2d and needed nowhere else, into a new graph of the same
 * results. {@link optimizeForInference} does so too; before {@link appendGradients} it saves the weight for each sample.
 */
export function fuseMixing(graph: Graph): Graph {
  const uses = countUses(graph);
  return rewrite(graph, (node, to) => {
    if (node.op !== conv2d) return to.copy(node);
    const { operands, attributes } = node as Node<typeof conv2d>;
    const mix = mixOf(operands.weight);
    if (!mix || uses.get(operands.weight) !== 1) return to.copy(node);
    // The attentions were made for another number of groups.
    if (mix.channel && mix.channel.shape[1] !== operands.x.shape[1]) return to.copy(node);
    const renewed = to.operands(node, { ...mix }) as Node<typeof dynamicConv2d>["operands"];
    return to.graph.apply(dynamicConv2d, node.name, renewed, attributes);
  });
}

/** The operands of the mix_kernels behind a value. */
function mixOf({ source }: Value): Node<typeof mixKernels>["operands"] | undefined {
  return source.kind === "node" && source.node.op === mixKernels
    ? (source.node as Node<typeof mixKernels>).operands
    : undefined;
}
